// Images that the page can show without standing still.
import { h } from "../page/dom";

/** A few kB can be an image of a thousand megapixels, and each pixel takes four bytes once it is decoded. */
const MAX_PIXELS = 50_000_000;

/** Resolves with the decoded image, or with undefined if the bytes are no image, or a huge one. */
export async function loadImage(url: string, alt: string): Promise<HTMLImageElement | undefined> {
  const image = h("img", { alt, decoding: "async", src: url });
  const loads = await new Promise<boolean>((done) => {
    image.addEventListener("load", () => done(true));
    image.addEventListener("error", () => done(false));
  });
  // Browsers know the size before they decode.
  if (!loads || image.naturalWidth * image.naturalHeight > MAX_PIXELS) return undefined;
  return image.decode().then(
    () => image,
    () => undefined,
  );
}
