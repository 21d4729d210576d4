import type { Cleanup } from "./anywidget";
import { h, setText } from "./dom";
import { onceAFrame } from "./frame";
import type { Store } from "./store";

// VS Code reads the address some time after the click.
const REVOKE_MS = 60_000;

export function download(store: Store, el: HTMLElement): Cleanup {
  // Without an address until there are bytes: "#" would move the page, a path fails in most notebooks.
  const link = h("a", { role: "link", tabindex: 0, class: "nbchat-link" }, "Download last reply");
  const refusal = h("span", { class: "nbchat-refusal", role: "alert", hidden: true });
  el.classList.add("nbchat-download");
  el.append(link, refusal);

  const fetchFile = async () => {
    const { file, refused } = await store.request({ type: "download" });
    setText(refusal, refused ?? "");
    if (!file) return;
    const url = URL.createObjectURL(new Blob([file.content], { type: "text/markdown" }));
    link.href = url;
    link.download = file.name;
    link.click();
    link.removeAttribute("href");
    setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
  };
  link.addEventListener("click", () => {
    if (!link.hasAttribute("href")) void fetchFile();
  });
  link.addEventListener("keydown", (event) => {
    if (event.key === "Enter") void fetchFile();
  });

  const draw = () => {
    const { busy, download } = store.state;
    link.hidden = busy || download === null;
    if (link.hidden) setText(refusal, "");
  };
  const unsubscribe = store.subscribe(onceAFrame(draw));
  draw();
  return unsubscribe;
}
