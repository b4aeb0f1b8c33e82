/** The part of the page that speaks to a board by itself, through WebSerial. */

/** Wire the buttons; `find` returns the element of an id. */
export function connectBoards(find, player, complain) {
  const { serial } = navigator;
  find("serial").hidden = !serial;
  find("no-serial").hidden = Boolean(serial);
  if (!serial) return;
  const show = (connected) => {
    find("connect").hidden = connected;
    find("leave").hidden = !connected;
  };
  find("connect").addEventListener("click", async () => {
    complain(null);
    try {
      const { chooseBoard } = await import("../device/webserial.js"); // fetched by who needs it
      const chip = await chooseBoard(serial, Number(find("baud").value) || 3_000_000);
      if (!chip) return;
      show(true);
      await player.follow(chip);
    } catch (error) {
      complain(error.message);
    }
  });
  find("leave").addEventListener("click", async () => {
    await player.follow(null);
    show(false);
  });
}
