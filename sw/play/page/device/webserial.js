/** A board on a serial port of this machine, opened by the browser itself. */

import { InputError } from "../engine/errors.js";
import { Chip } from "./chip.js";
import { BytePort } from "./port.js";

const BUFFER = 1 << 16; // bytes that the browser keeps for us

/** Have the user choose a port, open it, and return the chip on it; null if none is chosen. */
export async function chooseBoard(serial, baud) {
  let port;
  try {
    port = await serial.requestPort();
  } catch (error) {
    if (error.name === "NotFoundError") return null;
    throw new InputError(`No port could be chosen: ${error.message}`);
  }
  return openBoard(port, baud);
}

export async function openBoard(port, baud) {
  try {
    await port.open({ baudRate: baud, bufferSize: BUFFER });
  } catch (error) {
    throw new InputError(`The port could not be opened: ${error.message}`);
  }
  const writer = port.writable.getWriter();
  const reader = port.readable.getReader();
  const bytes = new BytePort("the board", baud, (data) => writer.write(data));
  pump(reader, bytes);
  bytes.close = async () => {
    await reader.cancel().catch(() => {});
    await writer.close().catch(() => {});
    await port.close().catch(() => {});
  };
  return new Chip(bytes);
}

/** Hand on what comes until the port is closed or goes away. */
async function pump(reader, bytes) {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes.push(value);
    }
  } catch {
    // it went away
  } finally {
    reader.releaseLock();
    bytes.fail(new InputError("The board went away: connect it again"));
  }
}
