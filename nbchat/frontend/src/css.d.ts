// Tells TypeScript that a style sheet is imported as its text (esbuild's loader "text": see build.py).
declare module "*.css" {
  const text: string;
  export default text;
}
