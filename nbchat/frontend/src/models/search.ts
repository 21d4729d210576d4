// Finds models by what the user types: by id and name first, then by what a model can do.

export interface Searched {
  id: string;
  name: string;
  /** What can be searched beside the id and the name, as words: "free", "images". */
  facts: readonly string[];
}

/** How well a word fits a model, best first; a model's rank is the sum of its words'. */
const WHOLE = 0; // up to the end of the id or the name: "gpt5" in "gpt-5"
const WORDS = 1; // whole words: "gpt5" in "gpt-5-mini"
const BEGINNING = 2; // "son" in "Sonnet"
const FACT = 3;
const INSIDE = 4; // "mini" in "gemini"
const TYPO = 5;

const MIN_FACT = 3;
const MIN_TYPO = 4;
const TWO_TYPOS = 8;

/** Letters and digits apart, without what stands between them: "gpt-4.1" has the words gpt, 4, 1. */
function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? [];
}

/** The fewest changes of one letter that make `typed` a beginning of `text`; two swapped letters are one change. */
export function typos(typed: string, text: string): number {
  let before: number[] = [];
  let row = Array.from({ length: text.length + 1 }, (_, column) => column);
  for (let i = 1; i <= typed.length; i++) {
    const next = [i];
    for (let j = 1; j <= text.length; j++) {
      const differs = Number(typed[i - 1] !== text[j - 1]);
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + differs);
      const swapped = i > 1 && j > 1 && typed[i - 1] === text[j - 2] && typed[i - 2] === text[j - 1];
      if (swapped) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return Math.min(...row);
}

/** How well a typed word, without punctuation, fits the words of an id or a name. */
function fit(typed: string, words: readonly string[], forgiving: boolean): number {
  const allowed = typed.length < MIN_TYPO ? 0 : typed.length < TWO_TYPOS ? 1 : 2;
  let best = words.some((word) => word.includes(typed)) ? INSIDE : Infinity;
  for (let start = 0; start < words.length; start++) {
    const rest = words.slice(start).join("");
    if (rest === typed) return WHOLE;
    if (rest.startsWith(typed)) {
      let end = 0;
      for (let at = start; end < typed.length; at++) end += words[at].length;
      best = Math.min(best, end === typed.length ? WORDS : BEGINNING);
    } else if (forgiving && allowed > 0 && rest[0] === typed[0]) {
      const changes = typos(typed, rest.slice(0, typed.length + allowed));
      if (changes <= allowed) best = Math.min(best, TYPO + changes);
    }
  }
  return best;
}

function rank(typed: readonly string[], model: Searched, forgiving: boolean): number {
  const texts = [wordsOf(model.id), wordsOf(model.name)];
  return typed.reduce((sum, word) => {
    const isFact = model.facts.some(
      (fact) => fact === word || (word.length >= MIN_FACT && fact.startsWith(word)),
    );
    return sum + Math.min(...texts.map((words) => fit(word, words, forgiving)), isFact ? FACT : Infinity);
  }, 0);
}

/** The models that fit all that is typed, the best first; typing errors are forgiven if else none does. */
export function search<Model extends Searched>(typed: string, models: readonly Model[]): Model[] {
  const words = typed
    .split(/\s+/)
    .map((word) => wordsOf(word).join(""))
    .filter(Boolean);
  if (words.length === 0) return [...models];
  for (const forgiving of [false, true]) {
    const ranked = models
      .map((model) => ({ model, rank: rank(words, model, forgiving) }))
      .filter((each) => each.rank < Infinity);
    if (ranked.length > 0) return ranked.sort((a, b) => a.rank - b.rank).map(({ model }) => model);
  }
  return [];
}
