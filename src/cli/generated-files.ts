/** What `npm run generate` writes and `hikube-kafka crds` prints, made from `src/api` alone. */
import { stringify } from 'yaml';
import { customResourceDefinitions } from '../api/index.ts';
import { installObjects } from './install-manifest.ts';

const heading = '# Made from src/api by `npm run generate`; changes here are lost.\n';

export const yamlText = (value: unknown): string =>
  stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, sortMapEntries: false });

/** All definitions as one stream of YAML documents. */
export const definitionsText = (): string => customResourceDefinitions().map(yamlText).join('---\n');

/** Path from the root of the repository -> content. */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(
      customResourceDefinitions().map((definition) => [
        `crds/${definition.metadata.name}.yaml`,
        heading + yamlText(definition),
      ]),
    ),
    'manifests/install.yaml': heading + installObjects().map(yamlText).join('---\n'),
  };
}
