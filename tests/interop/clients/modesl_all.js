// modesl, the client of Node.js programs, against one switch: a wrong password, commands, events, a call.
"use strict";

const assert = require("assert");
const esl = require("modesl");

const [host, port, password, listen] = process.argv.slice(2);
const PATIENCE = 30000; // ms

function within(what, begin) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not within 30 s: ${what}`)), PATIENCE);
    begin((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

async function refused() {
  const guesser = new esl.Connection(host, port, "a guess");
  guesser.on("error", () => {});
  await within("a refusal", (done) => guesser.on("esl::event::auth::fail", done));
}

async function connect() {
  let connection;
  await within("ready", (done) => {
    connection = new esl.Connection(host, port, password, () => done());
  });
  return connection;
}

async function commands(connection) {
  const api = (line) => within(line, (done) => connection.api(line, done));
  assert.match((await api("nat_map status")).getBody(), /^Nat Type: NAT-PMP, ExtIP: /);
  assert.strictEqual((await api("nonsense")).getBody(), "-ERR nonsense Command not found!\n");
  const job = await within("a job", (done) => connection.bgapi("version", "short", done));
  assert.match(job.getBody(), /^\d+\.\d+/);
  const shown = await within("show", (done) => connection.show("channels", "json", (error, data) => done(data)));
  assert.strictEqual(shown.rows.length, Number(shown.row_count));
}

async function events(connection) {
  const listens = await within("events", (done) => connection.events("json", "NAT CUSTOM my::news", done));
  assert.strictEqual(listens.getHeader("Reply-Text"), "+OK event listener enabled json");
  const added = within("NAT", (done) => connection.on("esl::event::NAT::*", done));
  connection.api("nat_map add 1236 udp");
  const event = await added;
  assert.deepStrictEqual([event.getHeader("op"), event.getHeader("port")], ["add", "1236"]);
  connection.api("nat_map del 1236 udp");
  const news = within("news", (done) => connection.on("esl::event::CUSTOM::*", done));
  const told = new esl.Event("custom", "my::news");
  told.addHeader("What", "this");
  connection.sendEvent(told);
  assert.strictEqual((await news).getHeader("What"), "this");
}

async function outbound(connection) {
  const server = new esl.Server({ host: "127.0.0.1", port: Number(listen), myevents: true });
  await within("listening", (done) => server.on("ready", done));
  const called = within("a call", (done) => server.on("connection::ready", done));
  connection.bgapi("originate", `loopback/9196/public 'socket:127.0.0.1:${listen} async full' inline`);
  const call = await called;
  const info = call.getInfo();
  assert.strictEqual(info.getHeader("Control"), "full");
  const run = (application, data) => within(application, (done) => call.execute(application, data, done));
  const answered = await run("answer", "");
  assert.strictEqual(answered.getHeader("Application"), "answer");
  await run("playback", "silence_stream://100");
  const uuid = info.getHeader("Unique-ID");
  const exists = await within("uuid_exists", (done) => call.api(`uuid_exists ${uuid}`, done));
  assert.strictEqual(exists.getBody(), "true");
  const ended = within("the hangup", (done) => call.on("esl::event::CHANNEL_HANGUP_COMPLETE::*", done));
  call.execute("hangup", "USER_BUSY");
  assert.strictEqual((await ended).getHeader("Hangup-Cause"), "USER_BUSY");
}

async function main() {
  await refused();
  const connection = await connect();
  await commands(connection);
  await events(connection);
  await outbound(connection);
  connection.disconnect();
  console.log("done");
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
