// Imports scripts that the kernel sends.

/** Imports a deflated script: all code comes deflated, which makes it a third as long. */
export async function importDeflated(script: BlobPart): Promise<unknown> {
  const inflated = new Blob([script]).stream().pipeThrough(new DecompressionStream("deflate"));
  const headers = { "content-type": "text/javascript" };
  const url = URL.createObjectURL(await new Response(inflated, { headers }).blob());
  return import(url).finally(() => URL.revokeObjectURL(url));
}
