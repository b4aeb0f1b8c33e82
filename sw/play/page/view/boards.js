/** The part of the page that speaks to a board by itself, through WebSerial. */

/** Wire the buttons; `find` returns the element of an id. */
export function connectBoards(find, player, complain) {
  if (!("serial" in navigator)) {
    find("serial").hidden = true;
    find("no-serial").hidden = false;
  }
}
