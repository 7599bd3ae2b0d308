<?php
// Reads parameters with PHP's parse_str, which parses $_GET and forms. One question and answer per line: see ../ask.rs.

function read(string $text): array {
    parse_str($text, $read);
    return $read;
}

function path_to(array $read, string $value): ?array {
    foreach ($read as $name => $inner) {
        if ($inner === $value) return [$name];
        if (is_array($inner) && ($path = path_to($inner, $value)) !== null) return [$name, ...$path];
    }
    return null;
}

function state(mixed $read, array $path): string {
    foreach ($path as $name) {
        if (!is_array($read) || !array_key_exists($name, $read)) return 'absent';
        $read = $read[$name];
    }
    if ($read === 'ours') return 'ours';
    return str_contains(var_export($read, true), 'forged') ? 'forged' : 'other';
}

$paths = [];
while (($line = fgets(STDIN)) !== false) {
    $question = json_decode($line, true);
    $own = $question['own'];
    $paths[$own] ??= path_to(read($own), 'ours');
    $text = base64_decode($question['text']);
    // parse_str ends at a zero byte. A query has none, and the parser of $_POST continues after it.
    $found = str_contains($text, "\0") ? 'error' : state(read($text), $paths[$own]);
    $answer = ['PHP parse_str' => $found];
    echo json_encode($answer), "\n";
}
