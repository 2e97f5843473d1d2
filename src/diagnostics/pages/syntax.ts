/** Family 01: the text of the program. */
import type { Family } from "../page.ts"

export const syntax: Family = {
  NDA0101: {
    title: "something else was expected here",
    page: `The text does not fit the grammar at the marked place: the message says what was being read, what would fit, and what stands there.

    let x = f(a b)
                ^ expected \`,\` or \`)\` in the arguments of this call, found \`b\`

Look at the marked place and just before it; the mistake is often the token before the mark. Reading goes on at the next statement or
declaration, so other mistakes of the file are reported too.`,
  },
  NDA0102: {
    title: "a character that nda does not know",
    page: `Outside of strings and comments a program is plain ASCII: names hold A-Z, a-z, 0-9 and _. Characters that change the direction in which
text is shown are refused everywhere, since a program with them does not read as it is; so is U+FFFD, which stands where a file is not
valid UTF-8.

    const größe = 3
            ^ \`ö\` (U+00F6) cannot stand in \`größe\`

Write the name in ASCII; save the file as UTF-8. Strings and comments may hold any language.`,
  },
  NDA0103: {
    title: "a string that is not well written",
    page: `A string stands in double quotes, on one line; its escapes are \\n, \\t, \\" and \\\\.

    data d: { image: Image[n, 3, 32, 32] } = folder("data/fog, size=32)
                                                    ^ opened here

Close the string on its line. A path needs no escapes: write it with \`/\`.`,
  },
  NDA0104: {
    title: "a keyword cannot name a value",
    page: `Some words belong to the language. Most of them are keywords only where their construct can stand (a parameter may be called \`step\`, a
value \`data\` or \`loss\`); \`if else loop for in let fn at import const minimize and or not true false\` are keywords everywhere, and \`let\`
cannot bind \`step every report save\`, since a line that begins with such a value would read as the statement.

    let step = 3
        ^^^^ \`step\` is a keyword and cannot name a value

Choose another name. After a point, before \`:\` in a record and before \`=\` in a call any word may stand: \`b.in\`, \`{ for: 1 }\`, \`f(at=2)\`.`,
  },
  NDA0105: {
    title: "a bracket without its partner",
    page: `A \`(\`, \`[\` or \`{\` is not closed, is closed by a bracket of another kind, or a closing one has no opening one.

    let x = f(a, g(b)
                     ^ expected \`)\` before \`let\`
    let y = 2

The message shows where the bracket was opened. A declaration that begins a line ends everything before it, so a missing \`}\` is reported
at the declaration that should have followed it.`,
  },
  NDA0106: {
    title: "a number that is not well written",
    page: `Numbers are decimal. Whole numbers are written 3 or 100_000 (one \`_\` between two digits) and go up to 9_007_199_254_740_991; others have a
digit on each side of the point, or an exponent: 0.5, 2e-4. A number that no float can hold is refused: there is no infinity by accident.

    const rate = .5
                 ^^ write 0.5

A name cannot follow a number directly: write 2 * x, not 2x.`,
  },
  NDA0107: {
    title: "beyond a limit",
    page: `The compiler bounds what it reads, so that no input can exhaust it: 200 levels of brackets or of functions within functions, 1000 operators,
calls or branches in one chain, 255 characters in a name, a million characters or 250,000 words and signs in a file.

    const x = ((((((…))))))

Name parts of the expression with \`let\`, make them functions, or part the file into modules.`,
  },
  NDA0108: {
    title: "this is written otherwise in nda",
    page: `The word or sign belongs to another language.

    def f(x) …          fn f(x: f32) -> f32 { … }
    return x            the last expression of a suite is its value
    a && b, a || b, !a  a and b, a or b, not a
    x += 1              values do not change: bind a new name
    for i in 0..3 { }   loop h = x for i in 0..3 { … }: a loop carries a value
    a ? b : c           if a { b } else { c }
    x ^ 2               x ** 2
    // a comment        # a comment
    a; b                a line ends where it ends`,
  },
  NDA0109: {
    title: "an equals sign or arrow of the wrong kind",
    page: `\`=\` names a value and \`==\` compares two; \`->\` stands before the type of a result and \`=>\` before the body of a function without a name; a
record's fields are written \`name: value\`, a call's arguments \`name=value\`.

    let h == 3                  let h = 3
    if h = 3 { … }              if h == 3 { … }
    fn (t) -> t * 2             fn (t) => t * 2
    fn f(x: f32) => x           fn f(x: f32) = x
    fn f(x: f32): f32 = x       fn f(x: f32) -> f32 = x`,
  },
  NDA0110: {
    title: "operators that need parentheses",
    page: `Comparisons and ranges do not chain, and \`not\` binds more loosely than comparisons and arithmetic.

    a < b < c           a < b and b < c
    a == not b          a == (not b)

From loosest to tightest: |>   ..   or   and   not   == != < <= > >= in   + -   * / // % @   - (sign)   **   and then calls, [ ] and fields.`,
  },
  NDA0111: {
    title: "this cannot stand here",
    page: `Imports come first. At the top of a file stand declarations; \`let\`, \`param\`, \`state\`, \`next\`, \`term\`, \`minimize\`, \`report\` and \`save\` stand in
suites (\`{ … }\`), \`step\` and \`every\` in a \`train\`. A suite's value is its last expression: an expression before the end would be lost.

    fn f(x: f32) -> f32 {
      x + 1
      x * 2
      ^ something follows the suite's value
    }

Name the first with \`let\`, or join the two. A line that begins with \`(\`, \`[\` or \`-\` begins a new expression: to go on with the one above,
put the operator at the end of the line before.`,
  },
  NDA0112: {
    title: "a file without declarations",
    page: `A program has at least one declaration: \`const type fn block loss augment model data graph eval train\`. To run something it needs a
\`graph\`, an \`eval\` or a \`train\`.`,
  },
}
