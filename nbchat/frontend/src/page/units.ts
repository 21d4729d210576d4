// Numbers with their units, as the chat writes them: times, money, sizes, tokens.

/** "3.2 s", "48 s", "2 min 5 s". */
export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** How long something has been going on: whole seconds, so that it changes once a second. */
export function elapsed(sinceMs: number): string {
  const whole = Math.floor((Date.now() - sinceMs) / 1000);
  return whole < 60 ? `${whole} s` : seconds(whole);
}

/** "$15", "$3.20", "$0.0005": with as many digits as it takes to distinguish small amounts. */
export function usd(dollars: number): string {
  const amount = Number(dollars.toPrecision(9)); // a price for a million may be 14.999999999999998
  const digits = Math.max(2, 2 - Math.floor(Math.log10(amount || 1)));
  return `$${amount.toLocaleString("en", {
    minimumFractionDigits: Number.isInteger(amount) ? 0 : 2,
    maximumFractionDigits: Math.min(digits, 20),
  })}`;
}

/** "812 B", "12 kB", "1.2 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${Number((bytes / 1e6).toFixed(1))} MB`;
}

/** "812", "262k", "1M". */
export function tokens(count: number): string {
  if (count < 1000) return String(count);
  return count < 999_500 ? `${Math.round(count / 1000)}k` : `${Number((count / 1e6).toFixed(1))}M`;
}
