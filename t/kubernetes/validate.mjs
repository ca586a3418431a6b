// Would Kubernetes take the objects in the YAML of stdin?  By the schemas of kubernetes-models: a value of another type,
// a required field that is missing, and, as `kubectl --validate=strict` does, a field that the schemas do not know.
// Prints JSON of { objects, wrong }, which has one line for each fault.

import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';

const objects = [];
const wrong = [];


// a schema reads each field that it knows: the paths of all others stay in `unread`
function watched(value, path, unread) {
    if (typeof value !== 'object' || value === null) return value;

    const inner = new Map();
    for (const key of Object.keys(value)) {
        if (!Array.isArray(value)) unread.add(`${path}/${key}`);
        inner.set(key, watched(value[key], `${path}/${key}`, unread));
    }
    return new Proxy(value, {
        get(target, key, proxy) {
            unread.delete(`${path}/${String(key)}`);
            return inner.has(key) ? inner.get(key) : Reflect.get(target, key, proxy);
        },
    });
}


for (const document of parseAllDocuments(await text(process.stdin))) {
    wrong.push(...[...document.errors, ...document.warnings].map((fault) => fault.message));

    const object = document.toJS();
    const { apiVersion, kind } = object ?? {};
    const name = `${kind} ${object?.metadata?.name}`;
    objects.push(object);

    try {
        const { [kind]: Model } = await import(`kubernetes-models/${apiVersion}`);
        const unread = new Set();
        watched(new Model(object), '', unread).validate();
        wrong.push(...[...unread].map((path) => `${name}: unknown field ${path}`));
    } catch (error) {
        wrong.push(`${name}: ${error.message}`);
    }
}

console.log(JSON.stringify({ objects, wrong }));
