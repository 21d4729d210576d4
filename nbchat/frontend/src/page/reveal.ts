// Keeps new output in sight while it grows.

/** If no more than this is below the output, it is shown as well: the metadata of the reply. */
const REST_PX = 80;
const EVENTS = ["wheel", "pointerdown", "keydown"] as const;

/**
 * Scrolls `box` so that the end of `below` stays in sight while it grows, but never `above` out of sight; ends as
 * soon as the user does something in `box`.
 */
export function reveal(box: HTMLElement, above: Element, below: Element): void {
  const grown = new ResizeObserver(() => {
    const { top, bottom } = box.getBoundingClientRect();
    const rest = box.scrollHeight - box.scrollTop - box.clientHeight;
    const hidden = below.getBoundingClientRect().bottom - bottom;
    const wanted = rest - hidden < REST_PX ? rest : hidden;
    const room = above.getBoundingClientRect().top - top;
    if (wanted > 0 && room > 0) box.scrollTop += Math.min(wanted, room);
  });
  grown.observe(below);
  const end = () => {
    grown.disconnect();
    for (const event of EVENTS) box.removeEventListener(event, end);
  };
  for (const event of EVENTS) box.addEventListener(event, end, { passive: true });
}
