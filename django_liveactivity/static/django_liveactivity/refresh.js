// Keeps the parts of a page up to date that change while delivery works: data-refresh is in seconds.
"use strict";
{
    const parts = ["liveactivity-summary", "liveactivity-timeline"];

    function openedIn(part) {
        return [...part.querySelectorAll("details")].map((details) => details.open);
    }

    function isInUse(part) {
        const open = part.querySelector("details[open] input");
        return part.contains(document.activeElement) || (open && open.value);
    }

    function replace(fresh) {
        for (const id of parts) {
            const old = document.getElementById(id);
            const next = fresh.getElementById(id);
            if (!old || !next || isInUse(old)) {
                continue;
            }
            const opened = openedIn(old);
            old.replaceWith(next);
            const details = next.querySelectorAll("details");
            if (details.length === opened.length) {
                details.forEach((each, index) => { each.open = opened[index]; });
            }
        }
    }

    async function refresh() {
        if (!document.hidden) {
            const answer = await fetch(window.location.href, { credentials: "same-origin" });
            if (!answer.ok || answer.redirected) {
                return;
            }
            replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
        }
        wait();
    }

    function wait() {
        const seconds = document.getElementById(parts[0])?.dataset.refresh;
        if (seconds) {
            window.setTimeout(() => refresh().catch(wait), seconds * 1000);
        }
    }

    document.addEventListener("DOMContentLoaded", wait);
}
