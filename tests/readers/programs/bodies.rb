# Reports whether Rack finds parameters in a body. One request and one answer per line: see ../bodies.rs.
require 'json'
require 'stringio'

STDIN.each_line do |line|
  question = JSON.parse(line)
  env = { 'REQUEST_METHOD' => question['method'], 'rack.input' => StringIO.new(question['body']) }
  env['CONTENT_TYPE'] = question['type'] if question['type']
  env['CONTENT_LENGTH'] = question['body'].bytesize.to_s
  begin
    request = Rack::Request.new(env)
    found = request.POST['userId'] == 'forged'
  rescue StandardError
    found = false
  end
  puts({ 'Rack' => found }.to_json)
end
