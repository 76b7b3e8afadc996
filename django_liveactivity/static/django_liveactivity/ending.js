"use strict";
{
    const AGAIN_AFTER = 5000; // milliseconds
    const BY_TYPE = ["liveactivity-fields", "liveactivity-groups", "liveactivity-preview"];

    /** Send the form once, however often its button is pressed. */
    function sendOnce(form) {
        let sentAt = -Infinity;
        form.addEventListener("submit", (event) => {
            if (event.timeStamp - sentAt < AGAIN_AFTER) {
                event.preventDefault();
                return;
            }
            sentAt = event.timeStamp;
        });
        window.addEventListener("pageshow", () => {
            sentAt = -Infinity;
        });
    }

    /** Show the fields of the chosen type at once; without this file a button does it. */
    function followType(form, button) {
        let newest = 0;
        button.parentElement.hidden = true;
        form.elements.namedItem("type").addEventListener("change", async() => {
            const number = ++newest;
            const body = new FormData(form, button);
            const answer = await fetch(form.action, {method: "POST", body});
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            if (number !== newest) {
                return;
            }
            const parts = BY_TYPE.map((id) => [document.getElementById(id), page.getElementById(id)]);
            if (parts.every(([, fresh]) => fresh)) {
                parts.forEach(([old, fresh]) => old.replaceWith(fresh));
            } else { // the session has expired, or something is wrong
                form.requestSubmit(button);
            }
        });
    }

    const form = document.getElementById("liveactivity-end-form");
    const button = document.getElementById("liveactivity-use-type");
    if (form) {
        sendOnce(form);
    }
    if (button) {
        followType(form, button);
    }
}
