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
    'a value of 1,025 bytes' => '"a":"' . 'x' x 1025 . '"', 'a value of 60,000 bytes' => '"a":"' . 'x' x 60000 . '"',
    'a number of 1,025 digits' => '"a":' . '9' x 1025, 'a number of 60,000 digits' => '"a":' . '9' x 60000,
    'an array of 1,025 bytes' => '"a":["' . 'x' x 512 . '","' . 'x' x 512 . '"]', 'an array of 20,000 numbers' => '"a":[1' . ',1' x 20000 . ']',
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
     ['"a":{"b":null},"A":{"b":"1"}', 'a--b', ''], ['"a":["b"]', 'a--b', ''], ['"a":"b"', 'a--b', ''])
{
    my ($json, $name, $want) = @$_;
    is claimed("{\"sub\":\"s\",$json}", $json)->{"x-claim-$name"}, "[$want]", $json;
}


=== TEST 8: a claim that the configuration names: up to 1,024 bytes in a cookie; 1,025 are left out, and a sub of 1,025 fails the login
--- claims: sub a
--- flow
for my $char ('x', "\xc3\xbc", '\u0041', '\\\\') {
    my $bytes = $char =~ /^\xc3/ ? 2 : 1;
    my $want = $char eq '\u0041' ? 'A' : $char eq '\\\\' ? '\\' : $char;
    my $n = 1024 / $bytes;
    my $h = claimed('{"sub":"' . $char x $n . '","a":"' . $char x $n . '"}', "1,024 bytes of $char");
    is $h->{"x-claim-$_"}, '[' . $want x $n . ']', "1,024 bytes of $char: $_" for qw( sub a );
    is claimed('{"sub":"s","a":"' . $char x $n . 'x"}', "1,025 bytes of $char")->{'x-claim-a'}, '[]', "1,025 bytes of $char";

    my $b = begun('/deep');
    sent_to_vcita();
    my $r = $b->come_back(code => stub->prepare({ userinfo => { body => '{"sub":"' . $char x $n . 'x"}' } }));
    answered($r, 502, 'session_too_large', "a sub of 1,025 bytes of $char", sent => 'token userinfo');
}
like error_log(), qr/\[warn\].* claim "a" \(1025 bytes\)/, 'a named claim that is dropped: its name and size';
like error_log(), qr/\[error\].* claim "sub" \(1025 bytes\).*vcita_oauth_session_store/, 'sub: what to do';
unlike join("\n", grep { /\[(?:warn|error)\]/ } split /\n/, error_log()), qr/xxx|AAA/, 'no value';
--- error_log
claim


=== TEST 9: 300 claims: all of them; 4,000: as many as fit; sub and the named ones among them wherever they stand
--- claims: sub c0 c1 c253 c254 c255 c256 c299
--- flow
for my $n (300, 4000) {
    my @c = map { "\"c$_\":" . $_ % 10 } 0 .. $n - 1;
    for my $at (0, $n / 2, $n) {
        for my $order (0, 1) {
            my @all = $order ? reverse @c : @c;
            splice @all, $at, 0, '"sub":"s"';
            my $h = claimed('{' . join(',', @all) . '}', "$n, sub at $at");
            is $h->{'x-claim-sub'}, '[s]', "$n, sub at $at: sub";
            is join(' ', map { $h->{"x-claim-$_"} } qw( c0 c1 c253 c254 c255 c256 c299 )), '[0] [1] [3] [4] [5] [6] [9]', 'and all others';
        }
    }
}


=== TEST 10: claims that overflow the cookie: the named ones come first, then others of at most 256 bytes while there is room
--- user_files
>>> others.html
<!--# echo var="vcita_oauth_claim_c1" default="none" --> <!--# echo var="vcita_oauth_claim_c200" default="none" --> <!--# echo var="vcita_oauth_claim_b256" default="none" --> <!--# echo var="vcita_oauth_claim_b257" default="none" -->
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-Claim-sub "[$vcita_oauth_claim_sub]";
    proxy_set_header X-Claim-big "[$vcita_oauth_claim_big]";
    proxy_set_header X-Claim-small "[$vcita_oauth_claim_small]";
    proxy_pass $VCITA_APP;
}
location = /others.html { vcita_oauth on; ssi on; }
--- flow
my $many = join ',', map { "\"c$_\":\"$_ " . 'x' x 230 . '"' } 1 .. 200;
for my $sub ('s', 's' x 1024) {
    for my $named ('"small":"1","big":"' . 'y' x 600 . '"') {
        for my $json ("{\"b256\":\"256 " . 'z' x 252 . "\",\"b257\":\"257 " . 'z' x 253 . "\",$many,$named,\"sub\":\"$sub\"}") {
            my $b = begun('/claims');
            my $r = $b->come_back(code => stub->prepare({ userinfo => { body => $json } }));
            answered($r, 303, '', 'a login', session => 1, sent => 'token userinfo');
            cmp_ok length $b->cookie('vcita_session'), '<=', 3800, 'the cookie';
            my %got = map { lc $_->[0] => $_->[1] } @{ $b->follow->json->{headers} };
            is $got{'x-claim-sub'}, "[$sub]", 'sub';
            is $got{'x-claim-small'}, '[1]', 'a small one, behind the others';
            is $got{'x-claim-big'}, '[' . 'y' x 600 . ']', 'a large one, too';
            my ($c1, $c200, $b256, $b257) = $b->get('/others.html')->body =~ /(none|\d+ [xz]+)/g;
            is $c1, '1 ' . 'x' x 230, 'another, while there is room';
            is $c200, 'none', 'none where there is no more';
            is $b256, '256 ' . 'z' x 252, 'another of 256 bytes';
            is $b257, 'none', 'none of 257';
        }
    }
}


=== TEST 11: 300 small claims that come first open no block list: a claim that a rule reads is kept
--- http_config
map $vcita_oauth_claim_suspended $blocked { default 0; true 1; }
map "$blocked:" $may { default yes; 1: no; }
--- config
location / { vcita_oauth on; vcita_oauth_require $may yes; proxy_pass $VCITA_APP; }
--- flow
for my $size (4, 30, 200) {
    for my $n (0, 300, 1200) {
        next if $n * ($size + 12) > 60_000;
        my $many = join '', map { "\"c$_\":\"" . 'x' x $size . '",' } 1 .. $n;
        my $b = begun('/');
        $b->come_back(code => stub->prepare({ userinfo => { body => "{$many\"suspended\":true,\"sub\":\"s\"}" } }));
        is $b->follow->status, 403, "$n claims of $size bytes: blocked";
        $b = begun('/');
        $b->come_back(code => stub->prepare({ userinfo => { body => "{$many\"suspended\":false,\"sub\":\"s\"}" } }));
        is $b->follow->status, 200, "$n claims of $size bytes: not blocked";
    }
}
--- error_log
is not met


=== TEST 12: a claim that a rule uses, directly or through a map, and that cannot be kept fails the login
--- http_config
map $vcita_oauth_claim_note $blocked { default 0; ~^blocked 1; }
map "$blocked:" $may { default yes; 1: no; }
--- config
location / { vcita_oauth on; vcita_oauth_require $may yes; proxy_pass $VCITA_APP; }
location /direct { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_team ~^a; proxy_pass $VCITA_APP; }
--- flow
for (['note', 'blocked ' . 'x' x 1017], ['note', 'blocked' . 'x' x 20000], ['team', 'a' x 1025], ['note', 'blocked\u0000']) {
    my ($name, $value) = @$_;
    my $b = begun('/');
    my $r = $b->come_back(code => stub->prepare({ userinfo => { body => "{\"sub\":\"s\",\"$name\":\"$value\"}" } }));
    answered($r, 502, 'session_too_large', "$name of " . length $value, sent => 'token userinfo');
    is $b->get('/')->status, 302, 'nobody is in';
}
like error_log(), qr/\[error\].* claim "note" \(1025 bytes\).*vcita_oauth_require.*vcita_oauth_session_store/, 'the log names it, and what to do';
my $b = begun('/');
$b->come_back(code => stub->prepare({ userinfo => { body => '{"sub":"s","note":"blocked ' . 'x' x 1016 . '"}' } }));
is $b->follow->status, 403, 'of 1,024 bytes: it is kept, and the rule reads it';

# several that each would fit
$b = begun('/');
sent_to_vcita();
my $r = $b->come_back(code => stub->prepare({ token => { json => { access_token => 'T' x 1500 } },
    userinfo => { body => '{"sub":"s","team":"' . 'a' x 1000 . '","note":"' . 'b' x 1000 . '"}' } }));
answered($r, 502, 'session_too_large', 'together they do not fit', sent => 'token userinfo');
--- error_log
claim


=== TEST 13: in a server-side store a named claim may have 16 KB, others 256 bytes
--- gate
vcita_oauth_session_store zone=claims:2m;
--- user_files
>>> others.html
<!--# echo var="vcita_oauth_claim_b256" default="none" --> <!--# echo var="vcita_oauth_claim_b257" default="none" -->
--- http_config
log_format claims '$vcita_oauth_claim_large';
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /large { vcita_oauth on; access_log $TEST_NGINX_SERVER_ROOT/logs/claims.log claims; proxy_pass $VCITA_APP; }
location = /ruled { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_ruled ~x$; proxy_pass $VCITA_APP; }
location = /others.html { vcita_oauth on; ssi on; }
--- flow
my $json = sub { '{"sub":"s","b256":"256 ' . 'z' x 252 . '","b257":"257 ' . 'z' x 253 . '","large":"L' . 'x' x $_[0] . '","ruled":"R' . 'x' x $_[1] . '"}' };
my $b = begun('/');
my $r = $b->come_back(code => stub->prepare({ userinfo => { body => $json->(16000, 16000) } }));
answered($r, 303, '', 'two claims of 16,001 bytes', session => 1, sent => 'token userinfo');
is $b->get('/ruled')->status, 200, 'a rule reads all of one';
is $b->get('/large')->status, 200, 'a log line the other';
my $logged = servroot() . '/logs/claims.log';
wait_for { open my $fh, '<', $logged; local $/; (<$fh> // '') =~ /^Lx{16000}$/m } 5, 'the claim in the log';
my ($b256, $b257) = $b->get('/others.html')->body =~ /(none|\d+ z+)/g;
is $b256, '256 ' . 'z' x 252, 'another of 256 bytes';
is $b257, 'none', 'none of 257';
$r = begun('/')->come_back(code => stub->prepare({ userinfo => { body => $json->(16384, 1) } }));
is $r->status, 303, 'one that is too large: a login all the same';
like error_log(), qr/\[warn\].* claim "large" \(16385 bytes\)/, 'with a line that names it';
$r = begun('/')->come_back(code => stub->prepare({ userinfo => { body => $json->(1, 16384) } }));
answered($r, 502, 'session_too_large', 'one that a rule uses', sent => 'token userinfo token userinfo');
--- error_log
claim


=== TEST 14: a claim that is null, empty, an object or too long yields its name to no other spelling
--- config
location / { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role owner; proxy_pass $VCITA_APP; }
location /in { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_staff__role owner; proxy_pass $VCITA_APP; }
location /any { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $in = sub {
    my ($json, $path) = @_;
    my $b = begun('/any');
    my $r = $b->come_back(code => stub->prepare({ userinfo => { body => "{\"sub\":\"s\",$json}" } }));
    return $r->status if $r->status != 303;
    return $b->get($path)->status;
};
for my $none ('null', '""', '[]', '{}', '{"x":"owner"}', '[{}]', '[["owner"]]', '[null]', '"staff"', 'false') {
    for my $other ('"Role":"owner"', '"ROLE":"owner"', '"Role":["owner"]') {
        is $in->("\"role\":$none,$other", '/'), 403, "role: $none, $other";
        is $in->("$other,\"role\":$none", '/'), 403, "$other, role: $none";
    }
    is $in->("\"Role\":$none,\"ROLE\":\"owner\"", '/'), 403, "Role: $none, that needs less folding than ROLE";
    is $in->("\"staff\":{\"role\":$none},\"Staff\":{\"role\":\"owner\"}", '/in'), 403, "staff: { role: $none }, Staff";
    is $in->("\"staff\":$none,\"Staff\":{\"role\":\"owner\"}", '/in'), 403, "staff: $none, Staff";
    is $in->("\"staff__role\":$none,\"staff\":{\"role\":\"owner\"}", '/in'), 403, "staff__role: $none, of an object";
    is $in->("\"staff\":{\"role\":\"owner\"},\"staff__role\":$none", '/in'), 403, "of an object, staff__role: $none";
    is $in->("\"staff\":{\"role\":$none,\"Role\":\"owner\"}", '/in'), 403, "in one object: role: $none, Role";
}
is $in->('"role":"' . 'x' x 1025 . '","Role":"owner"', '/'), 502, 'too long';
is $in->('"Role":"owner","role":"owner\n"', '/'), 502, 'with a control byte';
is $in->('"Role":"owner"', '/'), 200, 'the only spelling';
is $in->('"ROLE":"staff","Role":"owner"', '/'), 200, 'the one that needs less folding';
is $in->('"Staff":{"role":"owner"}', '/in'), 200, 'the only object';
--- error_log
claim


=== TEST 15: iss, aud, azp, exp, iat, nbf, nonce, at_hash, jti are kept only where the configuration names them
--- user_files
>>> others.html
<!--# echo var="vcita_oauth_claim_iss" default="-" -->,<!--# echo var="vcita_oauth_claim_azp" default="-" -->,<!--# echo var="vcita_oauth_claim_exp" default="-" -->,<!--# echo var="vcita_oauth_claim_iat" default="-" -->,<!--# echo var="vcita_oauth_claim_nbf" default="-" -->,<!--# echo var="vcita_oauth_claim_nonce" default="-" -->,<!--# echo var="vcita_oauth_claim_at_hash" default="-" -->,<!--# echo var="vcita_oauth_claim_aud" default="-" -->,<!--# echo var="vcita_oauth_claim_jti" default="-" -->,<!--# echo var="vcita_oauth_claim_other" default="-" -->
--- config
location / { vcita_oauth on; add_header X-Aud $vcita_oauth_claim_aud; proxy_set_header X-Jti "$vcita_oauth_claim_jti"; proxy_pass $VCITA_APP; }
location = /others.html { vcita_oauth on; ssi on; }
--- flow
my $b = begun('/');
my $r = $b->come_back(code => stub_code({ id_token => id_token($b,
    set => { azp => 'app1', nbf => time - 1, at_hash => 'h', jti => 'j', other => 'o' }) }));
answered($r, 303, '', 'a login', session => 1, sent => 'token');
like $b->get('/others.html')->body, qr/^-,-,-,-,-,-,-,app1,j,o$/m, 'two of them are named, and kept; any other claim as ever';
