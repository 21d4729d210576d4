// What the chat itself says: with its code as code, and its addresses as links.
import { h } from "../page/dom";

const CODE = /`([^`\n]+)`/;
const ADDRESS = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/;

/** Returns a text with `code` in backticks as code, and the addresses elsewhere as links. */
export function linked(text: string): (Node | string)[] {
  return text
    .split(CODE)
    .flatMap((part, index) => (index % 2 === 1 ? [h("code", { dir: "ltr" }, part)] : addresses(part)))
    .filter((part) => part !== "");
}

function addresses(text: string): (Node | string)[] {
  return text
    .split(ADDRESS)
    .map((part, index) => (index % 2 === 0 || !URL.canParse(part) ? part : link(part)));
}

/** A link that shows no more than host and path: that of a sign-in has 120 characters. */
function link(address: string): HTMLElement {
  const { host, pathname } = new URL(address);
  const where = { href: address, title: address, target: "_blank", rel: "noopener noreferrer" };
  return h("a", where, host + (pathname === "/" ? "" : pathname));
}
