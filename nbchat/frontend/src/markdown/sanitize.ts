// The only place that sets HTML. What a model writes is hostile: a script that runs here can run code in
// the kernel, and a resource that loads by itself can send data away.
import DOMPurify from "dompurify";

const TAGS =
  "a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong sub sup " +
  "table tbody td th thead tr ul";
const CLASS =
  /^(language-[A-Za-z0-9_+#.-]{1,30}|nbchat-(table|task|math|display-math|footnote|footnote-mark)|hljs-[a-z_-]+( [a-z]+_+)*)$/;

const purify = DOMPurify(window);

purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.hasAttribute("class") && !CLASS.test(node.className)) node.removeAttribute("class");
  if (node.tagName === "A") {
    if (!URL.canParse(node.getAttribute("href") ?? "")) node.removeAttribute("href");
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
});

purify.setConfig({
  ALLOWED_TAGS: [...TAGS.split(" "), "#text"],
  ALLOWED_ATTR: ["align", "class", "href", "start", "title"],
  // The slashes matter: "https:x" is a path on the notebook's own server.
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  ADD_URI_SAFE_ATTR: ["align", "start"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
});

/** Replaces the content of `element` by `html`, cleaned. */
export function setHTML(element: Element, html: string): void {
  element.replaceChildren(purify.sanitize(html) as unknown as DocumentFragment);
}
