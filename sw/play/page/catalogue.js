/** The skeletons that are shipped, in `skeletons/NAME/`, with their gates, in words for people. */

export const CATALOGUE = [
  {
    name: "digits-memory",
    title: "digits-memory: it holds",
    gates: [
      { file: "gate", title: "digits" },
      { file: "gate-letters-upper-stored", title: "digits and capitals" },
      { file: "gate-letters-upper-distilled", title: "capitals, distilled" },
      { file: "gate-letters-upper-dreams", title: "capitals, from dreams" },
      { file: "gate-letters-upper-only", title: "capitals alone" },
      { file: "gate-letters-lower-stored", title: "digits and small letters" },
    ],
  },
  { name: "digits", title: "digits: in ten steps", gates: [{ file: "gate", title: "digits" }] },
  { name: "digits-swift", title: "digits-swift: one opening", gates: [{ file: "gate", title: "digits" }] },
  { name: "digits-mend", title: "digits-mend: it mends at once", gates: [{ file: "gate", title: "digits" }] },
  { name: "digits-hold", title: "digits-hold: it holds whole digits", gates: [{ file: "gate", title: "digits" }] },
  { name: "digits-ca", title: "digits-ca: no gate", gates: [] },
  { name: "letters", title: "letters: capitals, no gate", gates: [] },
];

export function folderOf(name) {
  return new URL(`skeletons/${name}/`, import.meta.url);
}
