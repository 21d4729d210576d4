// What of a text is a mention: beside letters that no space separates too. As in tests/test_variables.py.
import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { mentionsIn } from "../../nbchat/frontend/src/composer/mentions";

const MENTIONS: [text: string, names: string[]][] = [
  ["why is @df skewed, and @rows[0].x?", ["df", "rows[0].x"]],
  ["请看@df，この@df2を", ["df", "df2を"]],
  ["和@df1和@df2", ["df1和", "df2"]],
  ["보세요 @df를", ["df를"]],
  ["ดู@df", ["df"]],
  ["请联系bob@example.org, a@@b, https://x.org/@you", []],
];

for (const [text, names] of MENTIONS) {
  test(`${JSON.stringify(text)} mentions ${names.length}`, () =>
    deepEqual(
      mentionsIn(text).map(({ name }) => name),
      names,
    ));
}
