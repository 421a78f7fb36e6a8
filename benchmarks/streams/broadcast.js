// A server of npm's ws that sends each line of a UNIX socket to all its clients: MODULE SOCKET.
const { WebSocketServer } = require(process.argv[2]);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 2048 });
require("net")
  .createServer((feed) => {
    require("readline")
      .createInterface({ input: feed })
      .on("line", (line) => server.clients.forEach((client) => client.send(line)));
  })
  .listen(process.argv[3]);
server.on("listening", () => console.error(`serves http://127.0.0.1:${server.address().port}`));
