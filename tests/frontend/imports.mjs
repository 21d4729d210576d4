// Has Node find what the front end imports as its bundler does: files without an ending, and its packages.
import { registerHooks } from "node:module";

const FRONTEND = new URL("../../nbchat/frontend/package.json", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (/^\.(?!.*\.\w+$)/.test(specifier)) return next(`${specifier}.ts`, context);
    const isPackage = /^[\w@]/.test(specifier) && !specifier.includes(":");
    return next(specifier, isPackage ? { ...context, parentURL: FRONTEND } : context);
  },
});
