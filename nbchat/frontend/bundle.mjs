// Bundles the front end with esbuild: `node bundle.mjs <folder> <first line of each file> <entry>…`.
import { readFile } from "node:fs/promises";
import { build, transform } from "esbuild";

const [folder, firstLine, ...entries] = process.argv.slice(2);

/** Style sheets are imported as texts, which esbuild itself would leave as they are. */
const minifiedStyles = {
  name: "minified styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

await build({
  entryPoints: entries,
  entryNames: "[name]",
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  alias: { entities: "./src/markdown/entities.ts" },
  banner: { js: firstLine },
  plugins: [minifiedStyles],
  logLevel: "warning", // errors are written there too
}).catch(() => process.exit(1));
