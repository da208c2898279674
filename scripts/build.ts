/**
 * `npm run build`: bundles src/main.ts to dist/, one chunk a role, for the image. The native CRC stays a package beside
 * it. `--check` builds into a temporary folder and asks the result for its version and help.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const checking = process.argv.includes('--check');
const out = checking ? mkdtempSync(join(tmpdir(), 'hikube-build-')) : join(root, 'dist');

async function bundle(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [join(root, 'src/main.ts')],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    sourcemap: 'linked',
    legalComments: 'linked',
    // Native code, and modules that find files beside themselves at run time.
    // The X.509 library loses its parts when it is cut into chunks.
    external: ['@node-rs/crc32', 'pino', 'pino-pretty', '@peculiar/x509', 'reflect-metadata'],
    // Some packages are CommonJS and call require.
    banner: {
      js: "import { createRequire as _createRequire } from 'node:module'; const require = _createRequire(import.meta.url);",
    },
  });
  chmodSync(join(folder, 'main.js'), 0o755);
  for (const data of ['crds', 'manifests']) cpSync(join(root, data), join(folder, data), { recursive: true });
}

await bundle(out);
if (checking) {
  try {
    symlinkSync(join(root, 'node_modules'), join(out, 'node_modules'));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const ask = (...args: string[]): string =>
      execFileSync(process.execPath, [join(out, 'main.js'), ...args], { encoding: 'utf8' });
    const said = ask('--version').trim();
    if (said !== version) throw new Error(`the bundle says version ${said}, package.json ${version}`);
    const roles = [...ask('--help').matchAll(/^ {2}(\w+) /gm)]
      .map(([, role]) => role as string)
      .filter((role) => role !== 'help');
    for (const role of roles) {
      if (!ask(role, '--help').includes('Usage:'))
        throw new Error(`${role} --help of the bundle does not say how it is used`);
    }
    process.stdout.write(`the bundle answers for ${roles.join(', ')}\n`);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
