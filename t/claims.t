# Claims: what becomes of whatever JSON userinfo answers with; from vcita to the headers that an application gets.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# logs somebody in whom userinfo describes by these bytes, and gives the headers that the application receives then
sub VcitaFlow::Code::claimed {
    my ($body, $name) = @_;
    my $b = VcitaFlow::Code::begun('/claims');
    my $r = $b->come_back(code => VcitaFlow::stub()->prepare({ userinfo => { body => $body } }));
    VcitaFlow::is($r->status, 303, "$name: logged in");
    return {} if $r->status != 303;
    my %got;
    for (@{ $b->follow->json->{headers} }) {
        my ($name, $value) = (lc $_->[0], $_->[1]);
        utf8::encode($value);
        $got{$name} = defined $got{$name} ? "$got{$name}|$value" : $value;
    }
    return \%got;
}

# one header for each claim that is named in a flow: X-Claim-NAME
add_block_preprocessor(sub {
    my ($block) = @_;
    return if defined $block->config || !defined $block->claims;
    my $headers = join '', map { (my $h = $_) =~ tr/_/-/; "proxy_set_header X-Claim-$h \"[\$vcita_oauth_claim_$_]\";\n" }
        split ' ', $block->claims;
    $block->set_value(config => "location / {\nvcita_oauth on;\n${headers}proxy_pass \$VCITA_APP;\n}\n");
});

run_tests();

__DATA__

=== TEST 1: hostile JSON: not one object, not UTF-8, too deep, a member twice, cut short: 502, and no session
--- flow
my $b = begun('/deep');
my $deep = sub { my ($n, $open, $close) = @_; '{"sub":"s","a":' . $open x $n . '1' . $close x $n . '}' };
my %bad = (
    'nothing' => '', 'a scalar' => '"sub"', 'an array' => '[{"sub":"s"}]', 'two objects' => '{"sub":"s"}{"sub":"t"}',
    'more behind it' => '{"sub":"s"} x', 'a zero byte behind it' => "{\"sub\":\"s\"}\0", 'a byte order mark' => "\xef\xbb\xbf{\"sub\":\"s\"}",
    'UTF-16' => join('', map { "\0$_" } split //, '{"sub":"s"}'), 'a comment' => '{"sub":"s"/**/}', 'one comma more' => '{"sub":"s",}',
    'no quotes' => '{sub:"s"}', 'other quotes' => "{'sub':'s'}", 'NaN' => '{"sub":"s","a":NaN}', 'hex' => '{"sub":"s","a":0x1}',
    'a leading zero' => '{"sub":"s","a":01}', 'a plus' => '{"sub":"s","a":+1}', 'half a number' => '{"sub":"s","a":1.}',
    'sub twice' => '{"sub":"s","sub":"t"}', 'sub twice, once escaped' => '{"sub":"s","\u0073ub":"t"}', 'twice below' => '{"sub":"s","a":{"b":1,"b":1}}',
    'twice in an array' => '{"sub":"s","a":[{"b":1,"b":1}]}', 'twice, one of them null' => '{"sub":"s","a":1,"a":null}',
    'a vertical tab before it' => "\x0b{\"sub\":\"s\"}", 'a vertical tab in it' => "{\"sub\":\x0b\"s\"}", 'a form feed in it' => "{\"sub\":\"s\"\x0c}",
    'a raw line feed' => "{\"sub\":\"s\",\"a\":\"b\nc\"}", 'a raw tab' => "{\"sub\":\"s\",\"a\":\"\t\"}", 'a raw zero byte' => "{\"sub\":\"s\",\"a\":\"\0\"}",
    'a raw control byte in a name' => "{\"sub\":\"s\",\"a\x01\":1}", 'an odd escape' => '{"sub":"s","a":"\x41"}', 'a short escape' => '{"sub":"s","a":"\u12"}',
    'not UTF-8' => "{\"sub\":\"s\",\"a\":\"\xff\"}", 'latin1' => "{\"sub\":\"s\",\"a\":\"J\xfcrgen\"}", 'cut UTF-8' => "{\"sub\":\"s\",\"a\":\"\xe2\x82\"}",
    'overlong UTF-8' => "{\"sub\":\"s\",\"a\":\"\xc0\xaf\"}", 'a surrogate in UTF-8' => "{\"sub\":\"s\",\"a\":\"\xed\xa0\x80\"}",
    'beyond Unicode' => "{\"sub\":\"s\",\"a\":\"\xf4\x90\x80\x80\"}", 'not UTF-8 in a name' => "{\"sub\":\"s\",\"\xff\":1}",
    'half a surrogate pair' => '{"sub":"s","a":"\ud83d"}', 'the other half' => '{"sub":"s","a":"\ude00"}', 'halves in disorder' => '{"sub":"s","a":"\ude00\ud83d"}',
    'halves apart' => '{"sub":"s","a":"\ud83d \ude00"}', 'half a pair in a name' => '{"sub":"s","\ud83d":1}',
    '16 objects in the object' => $deep->(16, '{"a":', '}'), '16 arrays in the object' => $deep->(16, '[', ']'),
    '5,000 objects' => $deep->(5000, '{"a":', '}'), '20,000 arrays' => $deep->(20000, '[', ']'), 'arrays that nobody closes' => '{"sub":"s","a":' . '[' x 20000,
    'over 64 KiB' => '{"sub":"s","a":"' . 'x' x 65536 . '"}', 'over 64 KiB of blanks' => '{"sub":"s"' . ' ' x 65536 . '}',
);
for my $name (sort keys %bad) {
    my $r = $b->come_back(code => stub->prepare({ userinfo => { body => $bad{$name} } }));
    answered($r, 502, 'bad_userinfo', $name, sent => 'token userinfo');
}
is $b->get('/deep')->status, 302, 'nobody is in';
is scalar(stub->app_requests), 0, 'the application saw nothing';
--- error_log
userinfo


=== TEST 2: hostile JSON that is one object: what cannot be a claim is left out, and harms no other
--- claims: sub email a b c d e f g last x__y n__a
--- flow
my %odd = (
    'names of 10,000 bytes' => '"' . 'n' x 10000 . '":"1","' . 'm' x 10000 . '":{"a":1}',
    'an object with a name of 10,000 bytes' => '"' . 'n' x 10000 . '":{"email":"evil","a":{"sub":"evil"}}',
    'a name of 256 bytes' => '"' . 'n' x 256 . '":"1"',
    'a value of 257 bytes' => '"a":"' . 'x' x 257 . '"', 'a value of 60,000 bytes' => '"a":"' . 'x' x 60000 . '"',
    'a number of 257 digits' => '"a":' . '9' x 257, 'a number of 60,000 digits' => '"a":' . '9' x 60000,
    'an array of 257 bytes' => '"a":["' . 'x' x 128 . '","' . 'x' x 128 . '"]', 'an array of 20,000 numbers' => '"a":[1' . ',1' x 20000 . ']',
    'control bytes' => '"a":"1\u0000","b":"1\n","c":"\r1","d":"\u001f","e":"1\u007f","f":["1","\t"],"g":{"a":"\u0001"}',
    'null' => '"a":null,"b":[],"c":{},"d":[null],"e":[""],"f":""',
    'arrays of other than scalars' => '"a":[{}],"b":[[]],"c":["x",{"y":1}],"d":[["x"]],"e":[1,[2]],"f":[{"x":1},2]',
    'empty names' => '"":"1","x":{"":"1"},"a":{"":{"a":1}}',
    '15 objects in the object' => '"a":' . '{"a":' x 14 . '{}' . '}' x 14, '15 arrays in the object' => '"a":' . '[' x 15 . ']' x 15,
    '3,000 members' => join(',', map { "\"m$_\":null" } 1 .. 3000), '1,000 objects' => join(',', map { "\"m$_\":{\"a\":{}}" } 1 .. 1000),
    'Sub and SUB' => '"Sub":"evil","SUB":"evil","a":{"sub":"evil"}', 'sub and a zero byte' => '"sub\u0000":"evil","sub\u0000x":"evil"',
);
for my $name (sort keys %odd) {
    for my $body ("{\"sub\":\"s-1\",\"email\":\"e\@x\",$odd{$name},\"last\":\"l\"}", "{$odd{$name},\"last\":\"l\",\"email\":\"e\@x\",\"sub\":\"s-1\"}") {
        my $h = claimed($body, $name);
        is join(' ', map { $h->{"x-claim-$_"} // '-' } qw( sub email last )), '[s-1] [e@x] [l]', "$name: the others";
        is join(' ', map { $h->{"x-claim-$_"} // '-' } 'a' .. 'g', 'x--y', 'n--a'), join(' ', ('[]') x 9), "$name: left out";
    }
}


=== TEST 3: numbers and booleans as JSON text, those beyond double and 64 bits, too
--- claims: a
--- flow
is claimed("{\"sub\":\"s\",\"a\":$_}", substr $_, 0, 40)->{'x-claim-a'}, "[$_]", substr $_, 0, 40
    for 0, '-0', 1, '1.0', '1.50', '0.1', '1e5', '1E+5', '1e-7', '9007199254740993', '9223372036854775808', '18446744073709551616',
        '-123456789012345678901234567890', '1e400', '-1e400', '1e-400', '1E999999999', '0.10000000000000000000000000000000000001',
        '1' . '0' x 255, '0.' . '3' x 254, 'true', 'false';


=== TEST 4: texts as they are: escapes, UTF-8, quotes, all that is no control byte
--- claims: a
--- flow
for (['\u0041\u00e9\u20ac', "A\xc3\xa9\xe2\x82\xac"], ['\ud83d\ude00', "\xf0\x9f\x98\x80"], ["\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"],
     ['\"\\\\\/', '"\\/'], ['a, b; c=d', 'a, b; c=d'], ['<script>&amp;', '<script>&amp;'], ['${a}$b', '${a}$b'], ['%0d%0a', '%0d%0a'],
     ['\\\\r\\\\n', '\\r\\n'], ['\\\\u000a', '\\u000a'], ['\u0080\u009f\u2028', "\xc2\x80\xc2\x9f\xe2\x80\xa8"], ['true', 'true'], ['null', 'null'])
{
    my ($json, $want) = @$_;
    is claimed("{\"sub\":\"s\",\"a\":\"$json\"}", $json)->{'x-claim-a'}, "[$want]", $json;
}


=== TEST 5: a value with a control byte is dropped: no claim makes a header of its own
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-User $vcita_oauth_claim_name;
    proxy_set_header X-Role $vcita_oauth_claim_role;
    proxy_set_header X-Groups $vcita_oauth_claim_groups;
    add_header X-Name $vcita_oauth_claim_name;
    proxy_pass $VCITA_APP;
}
--- flow
for my $evil ('a\r\nX-Role: owner', 'a\nX-Role: owner', 'a\rX-Role: owner', 'a\r\n\r\nGET /x HTTP/1.1\r\nHost: a', '\u000d\u000aX-Role: owner', 'a\u0000', 'a\u0008') {
    for my $json ("\"name\":\"$evil\"", "\"groups\":[\"a\",\"$evil\"]", "\"name\\u000d\\u000aX-Role: owner\":1") {
        my $b = begun('/claims');
        is $b->come_back(code => stub->prepare({ userinfo => { body => "{\"sub\":\"s\",$json}" } }))->status, 303, "$json: in";
        my $n = stub->app_requests;
        my $r = $b->follow;
        is $r->status, 200, 'one answer';
        is stub->app_requests - $n, 1, 'to one request';
        is join(' ', map { lc $_->[0] } grep { $_->[0] =~ /^X-/i } @{ $r->json->{headers} }), '', 'with none of the headers';
        is scalar($r->header('X-Name')), undef, 'nor has the browser one';
    }
}


=== TEST 6: arrays of scalars comma-joined; mixed, nested and empty ones
--- claims: a b__c
--- flow
for (['["x"]', 'x'], ['["x","y"]', 'x,y'], ['["x,y","z"]', 'x,y,z'], ['[1,true,false,null,"","x"]', '1,true,false,,,x'], ['[ 1.0 , -2e3 ]', '1.0,-2e3'],
     ['["",""]', ','], ['[null,null,null]', ',,'], ['["\u00fc","\ud83d\ude00"]', "\xc3\xbc,\xf0\x9f\x98\x80"], ['["' . 'x' x 127 . '","' . 'y' x 128 . '"]', 'x' x 127 . ',' . 'y' x 128],
     ['[12345678901234567890123]', '12345678901234567890123'], map { [ $_, '' ] } '[]', '[""]', '[null]', '[{}]', '[[]]', '[["x"]]', '["x",["y"]]', '["x",{"y":"z"}]')
{
    my ($json, $want) = @$_;
    my $h = claimed("{\"sub\":\"s\",\"a\":$json,\"b\":{\"c\":$json}}", substr $json, 0, 40);
    is $h->{'x-claim-a'}, "[$want]", substr $json, 0, 40;
    is $h->{'x-claim-b--c'}, "[$want]", 'in an object';
}


=== TEST 7: members of objects as a__b, a flat name of that spelling winning; `_` for any character that a variable name can't hold; case
--- claims: a__b a__b__c a_b x1 _ __ https___x_y_z businessuid mix__ed
--- flow
for (['"a":{"b":"1"}', 'a--b', 1], ['"a":{"b":{"c":"1"}}', 'a--b--c', 1], ['"a":{"b":"1"},"a__b":"2"', 'a--b', 2], ['"a__b":"2","a":{"b":"1"}', 'a--b', 2],
     ['"a":{"b__c":"2","b":{"c":"1"}}', 'a--b--c', 2], ['"A":{"B":"1"}', 'a--b', 1], ['"A__B":"1","a":{"b":"2"}', 'a--b', 2], ['"a":{"B":"1","b":"2"}', 'a--b', 2],
     ['"a b":"1"', 'a-b', 1], ['"a.b":"1"', 'a-b', 1], ['"a-b":"1","a_b":"2"', 'a-b', 2], ['"a_b":"2","a-b":"1"', 'a-b', 2], ['"a$b":"1","a b":"2"', 'a-b', 1],
     ['"a\u0000b":"1"', 'a-b', 1], ['"a\nb":"1"', 'a-b', 1], ['"X1":"1"', 'x1', 1], ['"-":"1"', '-', 1], ['"\u00fc":"1"', '--', 1], ["\"\xc3\xbc\":\"1\"", '--', 1],
     ['"https://x.y/z":"1"', 'https---x-y-z', 1], ['"businessUID":"1"', 'businessuid', 1], ['"Mix":{"ED":true}', 'mix--ed', 'true'],
     ['"a":{"b":null},"A":{"b":"1"}', 'a--b', 1], ['"a":["b"]', 'a--b', ''], ['"a":"b"', 'a--b', ''])
{
    my ($json, $name, $want) = @$_;
    is claimed("{\"sub\":\"s\",$json}", $json)->{"x-claim-$name"}, "[$want]", $json;
}


=== TEST 8: all of at most 256 bytes; 257 are left out; a sub of 257 is none
--- claims: sub a
--- flow
for my $char ('x', "\xc3\xbc", '\u0041', '\\\\') {
    my $bytes = $char =~ /^\xc3/ ? 2 : 1;
    my $want = $char eq '\u0041' ? 'A' : $char eq '\\\\' ? '\\' : $char;
    my $n = 256 / $bytes;
    my $h = claimed('{"sub":"' . $char x $n . '","a":"' . $char x $n . '"}', "256 bytes of $char");
    is $h->{"x-claim-$_"}, '[' . $want x $n . ']', "256 bytes of $char: $_" for qw( sub a );
    is claimed('{"sub":"s","a":"' . $char x $n . 'x"}', "257 bytes of $char")->{'x-claim-a'}, '[]', "257 bytes of $char";

    my $b = begun('/deep');
    my $r = $b->come_back(code => stub->prepare({ userinfo => { body => '{"sub":"' . $char x $n . 'x"}' } }));
    is $r->status, 502, "a sub of 257 bytes of $char";
    is scalar($r->header('X-Error')), 'bad_userinfo', 'is none';
}
--- error_log
userinfo


=== TEST 9: 300 claims: all of them; 4,000: as many as fit; sub among them wherever it stands
--- claims: sub c0 c1 c253 c254 c255 c256 c299
--- flow
for my $n (300, 4000) {
    my @c = map { "\"c$_\":" . $_ % 10 } 0 .. $n - 1;
    for my $at (0, $n / 2, $n) {
        my @all = @c;
        splice @all, $at, 0, '"sub":"s"';
        my $h = claimed('{' . join(',', @all) . '}', "$n, sub at $at");
        is $h->{'x-claim-sub'}, '[s]', "$n, sub at $at: sub";
        is join(' ', map { $h->{"x-claim-$_"} } qw( c0 c1 c253 c254 c255 c256 c299 )), '[0] [1] [3] [4] [5] [6] [9]', 'and all others'
            if $n == 300;
    }
}


=== TEST 10: claims that overflow the cookie: the largest are dropped first, sub and the small ones stay
--- claims: sub email big small
--- flow
my $noise = sub { join '', map { chr 33 + ($_ * 7919 * $_[0] + $_ * $_) % 90 } 1 .. $_[1] };
my %c = map { ("c$_" => $noise->($_, 240)) } 1 .. 200;
for my $sub ('s', 's' x 256) {
    my $h = claimed(encode_json({ %c, sub => $sub, email => 'e@x', small => '1', big => $noise->(9, 256) }), 'a sub of ' . length $sub);
    is join(' ', map { $h->{"x-claim-$_"} } qw( sub email big small )), "[$sub] [e\@x] [] [1]", 'the small ones stay';
}
