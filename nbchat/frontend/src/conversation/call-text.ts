// How the arguments of a tool call read: as in Python where they are simple, else as the model's JSON.

/** A value that is no list and no object, as JSON has it; its text stays as it is, digit for digit. */
const ENTRY = /\s*"([A-Za-z_]\w*)": ("(?:[^"\\\n]|\\.)*"|[^\s",{}[\]]+)(?:,|$)/y;
const SHORT = 72;

/** Name and value of each argument; undefined: some are not simple. */
function entries(json: string): [name: string, value: string][] | undefined {
  if (!json.startsWith("{") || !json.endsWith("}")) return undefined;
  const inside = json.slice(1, -1).trim();
  const found: [string, string][] = [];
  ENTRY.lastIndex = 0;
  for (let at = 0; at < inside.length; at = ENTRY.lastIndex) {
    const match = ENTRY.exec(inside);
    if (!match) return undefined;
    found.push([match[1], match[2]]);
  }
  return found;
}

/** The arguments, each on a line. */
export function argumentLines(json: string): string {
  return (
    entries(json)
      ?.map((entry) => entry.join(": "))
      .join("\n") ?? json
  );
}

/** "stock(fruit="apples")"; `whole` is false if not all of the arguments are in it. */
export function callText(name: string, json: string): { text: string; whole: boolean } {
  const inside = entries(json)
    ?.map((entry) => entry.join("="))
    .join(", ");
  const whole = inside !== undefined && inside.length <= SHORT;
  return { text: `${name}(${whole ? inside : "…"})`, whole };
}
