import type { Cleanup } from "../kernel/anywidget";
import { h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { saveFile } from "../page/save";
import type { Store } from "../kernel/store";

export function download(store: Store, el: HTMLElement): Cleanup {
  // Without an address: "#" would move the page, a path fails in most notebooks.
  const link = h("a", { role: "link", tabindex: 0, class: "nbchat-link" }, "Download last reply");
  const refusal = h("span", { class: "nbchat-refusal", role: "alert", hidden: true });
  el.classList.add("nbchat-download");
  el.append(link, refusal);

  const fetchFile = async () => {
    const { file, refused } = await store.request({ type: "download" });
    setText(refusal, refused ?? "");
    if (file) saveFile(el, file.name, file.content);
  };
  link.addEventListener("click", () => void fetchFile());
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
