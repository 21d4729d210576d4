// The link that downloads the last reply.
import type { Chat } from "../kernel/chat";
import type { Cleanup } from "../page/cleanup";
import { h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { saveFile } from "../page/save";

export function download({ store }: Chat, el: HTMLElement): Cleanup {
  // The link has no address: "#" would move the page, and a path fails in JupyterLab and Notebook 7.
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
