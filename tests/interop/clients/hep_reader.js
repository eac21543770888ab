// Reads HEP3 on a UDP port with Homer's own decoder, and prints a line of JSON for each message.
"use strict";

const hep = require("hep-js");
const socket = require("dgram").createSocket("udp4");

socket.on("message", (data) => console.log(JSON.stringify(hep.decapsulate(data))));
socket.bind(Number(process.argv[2]), "127.0.0.1");
