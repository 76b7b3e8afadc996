// Has the Node SDK in a folder make the calls of stdin, one "[call, body]" a line, and prints the
// body of each as it would travel; null for one that the SDK refuses. Nothing leaves the process.
"use strict";

const { createRequire } = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

const from = createRequire(path.join(process.argv[2], "package.json"));
const ActivitySmith = from("activitysmith");
const cards = new ActivitySmith({ apiKey: "ask_test" }).liveActivities;
const calls = {
  start: (body) => cards.start(body),
  update: (body) => cards.update(body),
  end: (body) => cards.end(body),
  stream: (body) => cards.stream("drift", body),
  end_stream: (body) => cards.endStream("drift", body),
};

let sent;
globalThis.fetch = async (url, options) => {
  sent = JSON.parse(options.body ?? "{}");
  return new Response("{}", { headers: { "Content-Type": "application/json" } });
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [call, body] = JSON.parse(line);
    sent = null;
    await calls[call](body).catch(() => {});
    console.log(JSON.stringify(sent));
  }
})();
