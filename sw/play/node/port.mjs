/** A serial port, or a pseudo-terminal, as bytes. */

import { constants, openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";

import { InputError } from "../page/engine/errors.js";
import { BytePort } from "../page/device/port.js";

/** Open a port that is set to raw bytes. */
export function openPort(path, baud) {
  const file = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  const [reader, writer] = [new ReadStream(file), new WriteStream(file)];
  const port = new BytePort(path, baud, (bytes) => new Promise((resolve) => writer.write(bytes, resolve)));
  const gone = () => port.fail(new InputError(`${path} went away`));
  reader.on("data", (bytes) => port.push(bytes));
  for (const stream of [reader, writer]) stream.on("error", gone).on("end", gone);
  port.close = () => reader.destroy();
  return port;
}
