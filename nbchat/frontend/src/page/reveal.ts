/** What is left below when one sees the end of something: the facts about a reply. */
const REST_PX = 80;
const DEEDS = ["wheel", "pointerdown", "keydown"] as const;

/**
 * Keeps the end of `below` in sight in `box` while it grows, as far as the top of `above` stays in sight, and
 * until a person does something else there.
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
    for (const deed of DEEDS) box.removeEventListener(deed, end);
  };
  for (const deed of DEEDS) box.addEventListener(deed, end, { passive: true });
}
