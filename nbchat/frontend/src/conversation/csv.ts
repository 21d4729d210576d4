// The cells of a table as CSV, and as code that makes a DataFrame of them.

const NUMBER = /^[+-]?(\d[\d,. ]*|\.\d+)(e[+-]?\d+)?\s*%?$/i;

/**
 * RFC 4180. `safe`: a text that a spreadsheet would take for a formula gets an apostrophe in front, because a model,
 * or a document that it has read, wrote it.
 */
export function csv(rows: readonly (readonly string[])[], safe: boolean): string {
  const cell = (text: string) => {
    const shown = safe && /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** A string of Python. JSON's are the same; what can't be seen is escaped, because the user reads the cell. */
function literal(text: string): string {
  return JSON.stringify(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => {
    const code = sign.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** The table itself, and not a place in the chat: the cell runs again when the chat has moved on, or is gone. */
export function frameCode(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => `    ${literal(`${csv([row], false).trimEnd()}\n`)}\n`);
  return `import io\n\nimport pandas as pd\n\ndf = pd.read_csv(io.StringIO(\n${lines.join("")}))\ndf`;
}
