/** What `hikube-kafka local` says. Progress is for a person, a line a step, with the time since the start. */
export interface Reporter {
  step(text: string): void;
  problem(text: string): void;
  ready(summary: ReadySummary): void;
}

export type ReadySummary = {
  /** Undefined when no cluster is reachable from outside. */
  readonly bootstrap: string | undefined;
  readonly kubeconfig: string;
  readonly readySeconds: number;
  readonly topic: string | undefined;
  readonly folder: string;
  readonly pids: Readonly<Record<string, number | readonly number[]>>;
};

export function createReporter(output: 'text' | 'json'): Reporter {
  const startedMs = performance.now();
  const progress = output === 'json' ? process.stderr : process.stdout;
  const bold = (text: string): string => (progress.isTTY ? `\u001b[1m${text}\u001b[0m` : text);
  return {
    step(text) {
      progress.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(5)} s  ${text}\n`);
    },
    problem(text) {
      process.stderr.write(`hikube-kafka local: ${text}\n`);
    },
    ready({ bootstrap, kubeconfig, readySeconds, topic, folder, pids }) {
      if (output === 'json') {
        process.stdout.write(`${JSON.stringify({ bootstrap: bootstrap ?? null, kubeconfig, readySeconds, pids })}\n`);
        return;
      }
      const quoted = /^[\w./-]+$/.test(kubeconfig) ? kubeconfig : `'${kubeconfig.replaceAll("'", "'\\''")}'`;
      const lines = [
        '',
        bold(`All is Ready after ${readySeconds} s.`),
        '',
        `  bootstrap address  ${bootstrap ?? '(no cluster with external: true)'}`,
        `  KUBECONFIG         ${kubeconfig}`,
        '',
        'Next, in another terminal:',
        `  export KUBECONFIG=${quoted} && kubectl get kc,kt,zk,pods`,
        ...(bootstrap === undefined
          ? []
          : [
              `  echo hello | kcat -b ${bootstrap} -t ${topic ?? 'my-topic'} -P`,
              `  kcat -b ${bootstrap} -t ${topic ?? 'my-topic'} -C -e`,
            ]),
        '',
        `Ctrl-C stops everything; the data stays in ${folder}.`,
        '',
      ];
      progress.write(`${lines.join('\n')}\n`);
    },
  };
}
