# Reads parameters with Rack, the parser of Rails. One question and one answer per line: see ../ask.rs.
require 'json'

READERS = {
  'Rack query' => ->(text) { Rack::Utils.parse_nested_query(text, '&;') },
  'Rack form' => ->(text) { Rack::Utils.parse_nested_query(text, '&') },
  'Rack parse_query' => ->(text) { Rack::Utils.parse_query(text) },
}

def path_to(read, value)
  pairs = read.is_a?(Hash) ? read.to_a : read.map { |inner| [nil, inner] }
  pairs.each do |name, inner|
    return [name] if inner == value
    path = path_to(inner, value) if inner.is_a?(Hash) || inner.is_a?(Array)
    return [name, *path] if path
  end
  nil
end

def state(read, path)
  path.each do |name|
    return 'absent' unless read.is_a?(Hash) && read.key?(name)
    read = read[name]
  end
  return 'ours' if read == 'ours'
  read.inspect.include?('forged') ? 'forged' : 'other'
end

paths = {}
STDOUT.sync = false
STDIN.each_line do |line|
  question = JSON.parse(line)
  own, text = question['own'], question['text'].unpack1('m')
  answers = READERS.to_h do |name, reader|
    path = paths[[name, own]] ||= path_to(reader.call(own), 'ours')
    begin
      [name, state(reader.call(text), path)]
    rescue StandardError
      [name, 'error']
    end
  end
  puts answers.to_json
end
