/**
 * How containers of this project's own image are run: as this checkout's program instead of the image's. Other images
 * have no files here, so they must name a command that this machine has.
 */
export type OwnProgram = {
  /** The command's name in containers, e.g. `hikube-kafka`, which is also the image's name without registry and tag. */
  readonly name: string;
  /** What to start instead: executable and first arguments. */
  readonly argv: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
};

/** Whether an image reference names the program's own image: `hikube-kafka`, `registry/team/hikube-kafka:1@sha256:..`. */
export function isOwnImage(image: string | undefined, program: OwnProgram): boolean {
  const [path = ''] = (image ?? '').split('@', 1);
  return path.split('/').at(-1)?.split(':', 1)[0] === program.name;
}

export type Resolved =
  | { readonly kind: 'own' | 'other'; readonly command: string; readonly args: readonly string[] }
  | { readonly kind: 'none'; readonly message: string };

/** @param argv  the container's command and args, already expanded */
export function resolveCommand(
  image: string | undefined,
  command: readonly string[],
  args: readonly string[],
  program: OwnProgram,
): Resolved {
  const [first, ...rest] = program.argv;
  const [name, ...commandArgs] = command;
  if (name === undefined) {
    if (isOwnImage(image, program)) return { kind: 'own', command: first, args: [...rest, ...args] };
    const message = `image "${image}" cannot be pulled: pods are processes here, so a container needs a command that this machine has`;
    return { kind: 'none', message };
  }
  if (name === program.name || name.endsWith(`/${program.name}`)) {
    return { kind: 'own', command: first, args: [...rest, ...commandArgs, ...args] };
  }
  return { kind: 'other', command: name, args: [...commandArgs, ...args] };
}

/** Half of a memory limit is for the heap; the other half is for buffers, code and what the runtime needs itself. */
export function heapLimitMiB(memoryLimitBytes: number): number {
  return Math.max(32, Math.floor(memoryLimitBytes / 2 / 2 ** 20));
}
