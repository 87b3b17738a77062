import { build } from 'esbuild';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { projectRoot } from '../../support/project-root.js';

/** A bundle as a page loads it. */
export interface PageBundle {
  readonly code: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Files that went in, relative to the project. */
  readonly inputs: readonly string[];
  /** Imports that stayed in. */
  readonly externals: readonly string[];
}

/** Bundles a script the way users do: its imports by package name, for browsers. Needs `npm run build`. */
export async function bundlePage(script: { readonly file: string } | { readonly code: string }): Promise<PageBundle> {
  const { outputFiles, metafile } = await build({
    ...('file' in script
      ? { entryPoints: [join(projectRoot, script.file)] }
      : { stdin: { contents: script.code, resolveDir: projectRoot, sourcefile: 'entry.js' } }),
    absWorkingDir: projectRoot,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild gave no output');
  return {
    code: file.text,
    bytes: file.contents.length,
    gzipBytes: gzipSync(file.contents, { level: 9 }).length,
    inputs: Object.keys(metafile.inputs),
    externals: Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path)),
  };
}
