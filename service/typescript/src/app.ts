import { createServer } from "node:http2";
import { createEndpointHandler } from "@restatedev/restate-sdk";
import { answer } from "./answer.ts";
import { awakeable } from "./awakeable.ts";
import { counter } from "./counter.ts";
import { listObject } from "./list.ts";
import { mailbox } from "./mailbox.ts";
import { mapObject } from "./map.ts";
import { probe } from "./probe.ts";
import { register } from "./register.ts";

const { PORT = "9080", HOST = "127.0.0.1", RETAIN_NONCE = "" } = process.env;

const server = createServer(
  createEndpointHandler({
    services: [
      answer,
      awakeable,
      counter,
      listObject,
      mailbox,
      mapObject,
      register,
      probe(RETAIN_NONCE),
    ],
  }),
);

server.listen(Number(PORT), HOST, () => {
  const address = server.address();
  if (address && typeof address === "object") {
    console.log(`listening on port ${address.port}`);
  }
});
