import type { Engine } from '../../../api/index.ts';
import { apacheEngine } from './apache.ts';
import { embeddedEngine } from './embedded.ts';
import type { RenderEngine } from './engine.ts';

export type { EngineImages } from './engine.ts';
export const renderEngine: Readonly<Record<Engine, RenderEngine>> = { embedded: embeddedEngine, apache: apacheEngine };
