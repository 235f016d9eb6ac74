// SPDX-License-Identifier: Apache-2.0
"use strict";

const http = require("http");
const greeting = require("greeting");

const server = http.createServer((request, response) => {
	response.end(greeting(request.url.slice(1) || "world") + "\n");
});

/* --once: ask oneself, say what the answer was, end. */
function once() {
	http.get({ port: server.address().port, path: "/self" }, (response) => {
		response.pipe(process.stdout);
		response.on("end", () => server.close());
	});
}

const isOnce = process.argv.includes("--once");
server.listen(isOnce ? 0 : 8080, "127.0.0.1", isOnce ? once : undefined);
