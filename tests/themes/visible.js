/* What a reader could not see on a page: texts and fields of ours in the color of their ground. */
(wanted) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d", { willReadFrequently: true });

    function rgba(color) {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = color;
        pen.fillRect(0, 0, 1, 1);
        const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
        return [red, green, blue, alpha / 255];
    }

    function over(front, back) {
        return [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3])).concat(1);
    }

    function ground(element) {
        if (!element) {
            return [255, 255, 255, 1];
        }
        const own = rgba(getComputedStyle(element).backgroundColor);
        return own[3] === 1 ? own : over(own, ground(element.parentElement));
    }

    function luminance([red, green, blue]) {
        const [r, g, b] = [red, green, blue].map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }

    function contrast(one, two) {
        const [high, low] = [luminance(one), luminance(two)].sort((a, b) => b - a);
        return (high + 0.05) / (low + 0.05);
    }

    function isThere(element) {
        return element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    }

    function hasText(element) {
        return [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    }

    function textProblem(element) {
        const back = ground(element);
        const found = contrast(over(rgba(getComputedStyle(element).color), back), back);
        return found < 3 && `contrast ${found.toFixed(1)}`;
    }

    function fieldProblem(element) {
        const style = getComputedStyle(element);
        const around = ground(element.parentElement);
        const border = parseFloat(style.borderBottomWidth) ? rgba(style.borderBottomColor) : around;
        const best = Math.max(contrast(ground(element), around), contrast(over(border, around), around));
        return best < 1.2 && `no edge, contrast ${best.toFixed(2)}`;
    }

    function clipped(element) {
        const box = element.getBoundingClientRect();
        return box.height < parseFloat(getComputedStyle(element).fontSize) && "cut off";
    }

    const fields = "input:not([type=hidden], [type=radio], [type=checkbox]), select, textarea, button";
    const buttons = "button, input[type=submit], a.closelink, a.button, a.liveactivity-tool";
    const problems = [];
    for (const root of document.querySelectorAll(wanted)) {
        for (const element of [root, ...root.querySelectorAll("*")]) {
            if (!isThere(element)) {
                continue;
            }
            const isText = hasText(element) || element.matches("input[type=submit]");
            const found = [
                isText && textProblem(element),
                element.matches(fields) && fieldProblem(element),
                element.matches(buttons) && clipped(element),
            ].filter(Boolean);
            for (const problem of found) {
                problems.push(`${element.outerHTML.slice(0, 120)}: ${problem}`);
            }
        }
    }
    return problems;
}
