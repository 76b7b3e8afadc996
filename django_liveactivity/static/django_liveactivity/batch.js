"use strict";
{
    const line = document.getElementById("liveactivity-batch");
    const LONGEST = 60; // seconds, after answers that never came
    let seconds = Number(line && line.dataset.againIn);
    let timer = null;

    /** Ask how far the batch is, unless nobody looks; say it, and ask again if it goes on. */
    async function ask() {
        timer = null;
        if (document.hidden) {
            return; // visibilitychange asks again
        }
        try {
            const answer = await fetch(line.dataset.url, {headers: {Accept: "application/json"}});
            if (answer.redirected || (answer.status >= 400 && answer.status < 500)) {
                return; // logged out, or no longer there: the link reloads the page
            }
            const progress = await answer.json();
            if (line.textContent !== progress.text) {
                line.textContent = progress.text;
            }
            seconds = progress.again_in;
        } catch {
            seconds = Math.min(2 * seconds, LONGEST); // no answer, or one of a proxy
        }
        wait();
    }

    function wait() {
        if (seconds) {
            timer = setTimeout(ask, 1000 * seconds);
        }
    }

    if (line && line.dataset.url) {
        wait();
        document.addEventListener("visibilitychange", () => {
            if (!document.hidden && seconds && timer === null) {
                ask();
            }
        });
    }
}
