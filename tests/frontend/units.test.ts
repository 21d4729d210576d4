// How the chat writes numbers, and names of files.
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { fileName } from "../../nbchat/frontend/src/page/save";
import { seconds, size, tokens, usd } from "../../nbchat/frontend/src/page/units";

test("times, money, sizes and tokens", () => {
  deepEqual([0.04, 3.21, 9.99, 47.5, 59.6, 125].map(seconds), [
    ...["0.0 s", "3.2 s", "10.0 s", "48 s", "1 min 0 s", "2 min 5 s"],
  ]);
  deepEqual([0, 15, 3.2, 0.0375, 0.0005, 0.000_000_12, 14.999999999999998, 1234.5].map(usd), [
    ...["$0", "$15", "$3.20", "$0.0375", "$0.0005", "$0.00000012", "$15", "$1,234.50"],
  ]);
  deepEqual([0, 812, 1000, 12_345, 999_499, 999_500, 1_234_567].map(size), [
    ...["0 B", "812 B", "1 kB", "12 kB", "999 kB", "1 MB", "1.2 MB"],
  ]);
  deepEqual([812, 262_144, 999_999, 1_048_576, 1_500_000].map(tokens), ["812", "262k", "1M", "1M", "1.5M"]);
});

for (const [name, safe] of [
  ["data.csv", "data.csv"],
  ["Übersicht 2026 🎉.csv", "Übersicht 2026 🎉.csv"],
  ["../../etc/x.csv", ".._.._etc_x.csv"],
  ["..\\x.csv", ".._x.csv"],
  ["a\u202egpj.exe", "a_gpj.exe"],
  ["<img src=x>.csv", "_img src=x_.csv"],
  ["", "file"],
]) {
  test(`a file named ${JSON.stringify(name)} is saved as ${safe}`, () => equal(fileName(name), safe));
}
