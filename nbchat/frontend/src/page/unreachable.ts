// The last case of a switch that covers every kind there is.

/** Makes the type checker refuse a switch that forgets a kind: what is left over then is no `never`. */
export function unreachable(value: never): never {
  throw new Error(`unexpected: ${JSON.stringify(value)}`);
}
