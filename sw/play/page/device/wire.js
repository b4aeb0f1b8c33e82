/** The wire protocol's numbers, and its layouts as [field, bits]: from golden/wire.py by
 * `python -m sw.play.assets`. */

export const BAUD = 3000000;
export const VERSION = 2;
export const REPLY = 128;
export const WINDOW = 2;
export const RESPONSE = 4096;
export const NO_PLANE = 255;
export const DIGEST_BYTES = 32;
export const BOUNDARIES = ["zero", "wrap"];
export const Kind = {"IDENTIFY": 1, "RESET": 2, "STATUS": 3, "EXCHANGE": 4};
export const Error = {"NONE": 0, "VERSION": 1, "UNKNOWN_KIND": 2, "BAD_LENGTH": 3, "UNKNOWN_TAG": 4, "BAD_OPERATION": 5, "NO_SUCH_CONTEXT": 6, "NO_SUCH_SKELETON": 7, "SKELETON_DAMAGED": 8, "STALLED": 9, "NOT_READY": 10, "BAD_BODY": 11};
export const Tag = {"COMMAND": 1, "DATA": 2, "DELTA": 3, "FETCH": 4, "PLANES": 5, "COMPACT_DATA": 6, "COMPACT_FETCH": 7, "COMPACT_PLANES": 8};
export const Operation = {"LOAD_IMAGE": 0, "LOAD_STATE": 1, "READ_IMAGE": 2, "READ_STATE": 3, "ZERO": 4, "RUN": 5};
export const CHUNK = [["tag", 8], ["count", 16]];
export const COMMAND = [["operation", 8], ["context", 8], ["skeleton", 8], ["active", 1], ["phased", 1], ["opening", 6], ["input_channel", 8], ["output_channel", 8], ["wait", 16], ["every", 16], ["steps", 32]];
export const FACTS = [["version", 8], ["filters", 8], ["contexts", 8], ["channels", 8], ["multiplier", 8], ["height", 16], ["width", 16], ["image", 16], ["request", 16], ["response", 16], ["boundary", 8], ["reserved", 8], ["places", 8]];
export const STATUS = [["running", 8], ["ready", 8], ["dropped", 16], ["damaged", 32], ["clocks", 48], ["busy", 48]];
