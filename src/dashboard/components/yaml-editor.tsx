import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import type { ConfigFinding } from '../../contract/admin/config.ts';
import { keysAt, loadSchema, type SchemaKey } from '../lib/yaml-schema.ts';

/** routes.yaml with line numbers, colours, and completion of its keys from the published schema. */
export const YamlEditor = ({
  text,
  isEditable,
  findings,
  onChange,
}: {
  text: string;
  isEditable: boolean;
  findings: readonly ConfigFinding[];
  onChange: (text: string) => void;
}) => {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const report = useRef(onChange);
  report.current = onChange;
  // The editor keeps its own text: what comes in is its first, and what is typed goes out.
  const first = useRef(text);
  useEffect(() => {
    const host = frame.current as HTMLDivElement;
    // In a shadow root the editor's styles are constructed sheets: the page's policy allows no inline ones.
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          lineNumbers(),
          history(),
          yaml(),
          syntaxHighlighting(COLOURS),
          lintGutter(),
          autocompletion({ override: [complete] }),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.lineWrapping,
          EditorView.theme(THEME),
          EditorView.contentAttributes.of({ 'aria-label': 'routes.yaml' }),
          EditorState.readOnly.of(!isEditable),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) report.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [isEditable]);
  useEffect(() => {
    const editor = view.current;
    if (editor === null) return;
    const { doc } = editor.state;
    const diagnostics = findings.map(({ line, column, message }) => {
      const from = Math.min(doc.line(Math.min(line, doc.lines)).from + column - 1, doc.length);
      return { from, to: Math.min(from + 1, doc.length), severity: 'error' as const, message };
    });
    editor.dispatch(setDiagnostics(editor.state, diagnostics));
  }, [findings]);
  return <div className="editor" ref={frame} />;
};

/** The page's own colours, light and dark: custom properties reach into the shadow root. */
const THEME = {
  '&': { color: 'var(--ink)', backgroundColor: 'var(--surface)', fontSize: '0.8125rem', maxHeight: '34rem' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--ink)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-gutters': { backgroundColor: 'var(--sunken)', color: 'var(--ink-soft)', border: 'none' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', color: 'var(--ink)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
};

/** Contrast of at least 4.5 in both schemes. */
const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: tags.string, color: 'var(--large)' },
  { tag: [tags.number, tags.bool], color: 'var(--warn)' },
  { tag: tags.comment, color: 'var(--ink-soft)', fontStyle: 'italic' },
]);

const complete = async (context: CompletionContext): Promise<CompletionResult | null> => {
  const word = context.matchBefore(/[A-Za-z]*/);
  if (word === null || (word.from === word.to && !context.explicit)) return null;
  const schema = await loadSchema();
  const options = keysAt(schema, context.state.doc.toString(), word.from).map(toOption);
  return options.length === 0 ? null : { from: word.from, options };
};

const toOption = ({ name, description, isValue }: SchemaKey) => ({
  label: name,
  type: isValue ? 'constant' : 'property',
  ...(description !== undefined && { info: description }),
  apply: isValue ? name : `${name}: `,
});
