/** Bad input: one line that says what is required, for the page and for the command line. */
export class InputError extends Error {}
