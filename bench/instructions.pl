# instructions.pl [--record]: what a request costs, in instructions.
#
# callgrind counts, so that neither load nor luck changes a figure.
#
# Fails if a figure of bench/instructions.txt has grown by over 2 %, or what the
# gate adds to one has; if a logged-in request parses JSON, or allocates for its
# claims; if vcita_oauth_header costs too much more than proxy_set_header; if a
# request to a location without a gate, or a redirect to vcita, takes too much; if
# "Cache-Control: private" takes too much; or if the memo of opened cookies does
# not save what it should, or costs more where it saves nothing; or if a signed
# token that was verified before costs more than a cookie, or is verified again.
# --record writes that file anew.

use strict;
use warnings;

use Bearer;
use Bench;
use Callgrind;
use Site;

my $LIMIT = 1.02;

# what the gate adds is the difference of two requests, each of which moves by so
# much of itself: what happens once in a while is divided by few requests
my $MOVES = $ENV{BENCH_QUICK} ? 0.02 : 0.005;

my $N = $ENV{BENCH_QUICK} ? 50 : 200;
my $FILE = $ENV{BENCH_INSTRUCTIONS} // "$ROOT/bench/instructions.txt";

# what the gate may add to a file of 1 KiB with a cookie that was opened a moment
# ago; what such a request took before there was a memo, and how much of that one
# with a new cookie may take; and how much of it the memo, which is full, may take
my $REPEATED = 1700;
my $BEFORE = 30815;
my $NEW = 1.10;
my $MEMO = 0.02;
my $COOKIES = 10_000;

# in turn, they are more than the memo keeps
my $TOKENS = 300;

# how much more than two proxy_set_header two vcita_oauth_header may take
my $HEADERS = 400;

# what a gated server may add to a location without a gate, half of the 1,033 of
# 1.0; how much more with two vcita_oauth_header
my $UNGATED = 517;
my $REMOVED = 300;

# what a redirect to vcita may take beside "return 302"
my $REDIRECT = 30_000;

# what "Cache-Control: private" may add to an answer
my $PRIVATE = 150;

# every function by which a pool or the heap gives memory
my @ALLOCATE = qw( ngx_palloc ngx_pnalloc ngx_pcalloc ngx_pmemalign
                   ngx_create_pool malloc calloc realloc posix_memalign );

# name, server, path, cookie, which may be "new", or instead a signed "token", a
# "new token", or a "forged token"; values: as query arguments, in the plain server
my @REQUESTS = (
    [ 'empty_gif',                    plain => '/gif0',   1 ],
    [ 'empty_gif, gate off',          gate  => '/free',   1 ],
    [ 'gate off, 2 oauth_header',     header => '/free',  1 ],
    [ 'empty_gif gated',              gate  => '/gif0',   1 ],
    [ 'empty_gif gated, 2 claims',    gate  => '/gif2',   1 ],
    [ 'empty_gif gated, 6 claims',    gate  => '/gif6',   1 ],
    [ '1 KiB file',                   plain => '/1k0',    1 ],
    [ '1 KiB file gated',             gate  => '/1k0',    1 ],
    [ '1 KiB file gated, new cookie', gate  => '/1k0',    'new' ],
    [ '1 KiB file, a token sent',     plain => '/1k0',    'token' ],
    [ 'bearer, repeated',             bearer => '/1k0',   'token' ],
    [ 'bearer, fresh',                bearer => '/1k0',   'new token' ],
    [ 'bearer, forged',               bearer => '/1k0',   'forged token' ],
    [ 'proxy',                        plain => '/proxy0', 1 ],
    [ 'proxy, 2 headers',             plain => '/proxy2', 1 ],
    [ 'proxy gated',                  gate  => '/proxy0', 1 ],
    [ 'proxy gated, 2 claims',        gate  => '/proxy2', 1 ],
    [ 'proxy gated, 2 oauth_header',  header => '/proxy2', 1 ],
    [ 'return 302, as long',          plain => '/302',    0 ],
    [ 'redirect to vcita, anonymous', gate  => '/gif0',   0 ],
);

# what the gate adds to what
my %WITHOUT = (
    'empty_gif, gate off'          => 'empty_gif',
    'gate off, 2 oauth_header'     => 'empty_gif',
    'empty_gif gated'              => 'empty_gif',
    '1 KiB file gated'             => '1 KiB file',
    '1 KiB file gated, new cookie' => '1 KiB file',
    'bearer, repeated'             => '1 KiB file, a token sent',
    'bearer, fresh'                => '1 KiB file, a token sent',
    'proxy gated'                  => 'proxy',
    'proxy gated, 2 claims'        => 'proxy, 2 headers',
    'proxy gated, 2 oauth_header'  => 'proxy, 2 headers',
    'redirect to vcita, anonymous' => 'return 302, as long',
);

my $Record = grep { $_ eq '--record' } @ARGV;
my $Failed = 0;


Bench::work_in('instructions');

make_keys();
my @tokens = signed_tokens($TOKENS);

conf('back', back_servers());
nginx('back', $PORT{app});

my $redirect = measured_redirect();
my @new = new_cookies();
my $cookie = "theme=dark; " . start_under_callgrind($redirect);
my %found = map { $_->[0] => measured(@$_) } @REQUESTS;

show();
no_json('empty_gif gated, 2 claims', 'proxy gated, 2 claims', 'bearer, repeated');
same_allocations();
headers();
ungated();
redirect();
private();
memo();
bearer();
compare() if !$Record;
record() if $Record && !$Failed;

exit($Failed ? 1 : 0);


# --- the two servers ----------------------------------------------------------

# an address that makes "return 302" as long as the redirect to vcita
sub measured_redirect {
    conf('front', plain_server('/x') . gate_server());

    my $pid = nginx('front', $PORT{gate});
    my $address = '/' . 'x' x (redirect_length() + 1);

    end_of($pid);
    return $address;
}


# as many cookies, none like another: a session that the second key has sealed is
# sealed anew for each navigation
sub new_cookies {
    spew("$DIR/$_", $_ x 40) for qw( old new );
    chmod 0600, map { "$DIR/$_" } qw( old new );

    my ($cookie, @made);

    for my $keys (keys_of('old'), keys_of('new', 'old')) {
        conf('front', plain_server('/x') . gate_server(%$keys));

        my $pid = nginx('front', $PORT{gate});

        $cookie //= login($PORT{gate}, '/gif0');

        my $c = connection($PORT{gate});
        my $bytes = "GET /gif0 HTTP/1.1\r\n" . browser_headers('127.0.0.1', $cookie);

        for (1 .. $COOKIES) {
            my ($status, $head) = ask($c, $bytes);
            push @made, "theme=dark; $1"
                if $head =~ /^Set-Cookie: ([\w-]*vcita_session=[\w-]+)/mi;
            last if !@made;
        }

        end_of($pid);
    }

    die @made . " cookies instead of $COOKIES\n" if @made != $COOKIES;
    return @made;
}


# the directive of these keys, as a setting
sub keys_of {
    my ($first, @rest) = map { "$DIR/$_" } @_;

    return { session_key_file => join ";\n        vcita_oauth_session_key_file ",
                                      $first, @rest };
}


# starts the servers, and logs in: the session's cookie
sub start_under_callgrind {
    my ($redirect) = @_;

    my $keys = keys_of('new');

    conf('front', plain_server($redirect) . gate_server(%$keys)
                  . header_server(%$keys) . bearer_server(%$keys));
    nginx_counted('front', $PORT{gate});

    return login($PORT{gate}, '/gif0');
}


# what a request of the table costs; its bytes
sub measured {
    my ($name, $server, $path, $with_cookie) = @_;

    my @values = claim_values();
    my $query = join '&', map { "$_=$values[$_ - 1]" } 1 .. @values;
    my $bytes = sub {
        return "GET $path?$query HTTP/1.1\r\n" . browser_headers('127.0.0.1', @_);
    };

    return measured_token($server, $path, $with_cookie) if $with_cookie =~ /token/;

    # in turn, and until the memo is full, which is before it is measured

    if ($with_cookie eq 'new') {
        my ($next, $c) = (0, connection($PORT{$server}));

        ask($c, $bytes->($new[$next++])) for 1 .. 300;

        return measure($PORT{$server}, sub { $bytes->($new[$next++ % @new]) },
                       $ENV{BENCH_QUICK} ? $N : int((@new - 400) / 3), 200);
    }

    my $request = $bytes->($with_cookie ? $cookie : undef);

    return { %{ measure($PORT{$server}, $request, $N, $with_cookie ? 200 : 302) },
             bytes => length $request };
}


# with a token that was verified before, or with each of them in turn
sub measured_token {
    my ($server, $path, $kind) = @_;
    my ($forged) = $kind =~ /^forged/;
    my @requests = map { "GET $path HTTP/1.1\r\n" . bearer_headers($_) }
        $kind eq 'token' ? $tokens[0]
        : $forged ? map { s/.(?=.{20}\z)/$& eq 'A' ? 'B' : 'A'/er } @tokens : @tokens;
    my ($next, $c) = (0, connection($PORT{$server}));

    ask($c, $_) for @requests;

    return measure($PORT{$server},
                   sub { $requests[$next++ % @requests] }, $N,
                   $forged ? 401 : 200);
}


# --- what is to hold ----------------------------------------------------------

sub show {
    printf "%-30s %13s %12s %12s\n", 'request', 'instructions', 'gate adds',
        'allocations';

    for my $name (map { $_->[0] } @REQUESTS) {
        printf "%-30s %13.0f %12s %12.2f\n", $name, $found{$name}{instructions},
            $WITHOUT{$name} ? sprintf('%.0f', added($name, \&instructions)) : '',
            allocations($name);
    }

    printf "a request with a session has %d bytes, its cookies %d\n",
        $found{'empty_gif gated'}{bytes}, length $cookie;
}


sub instructions { return $found{ $_[0] }{instructions} }


sub added {
    my ($name, $figure) = @_;
    return $figure->($name) - $figure->($WITHOUT{$name});
}


sub wrong {
    print "FAILED: @_\n";
    $Failed = 1;
}


sub allocations {
    my ($name) = @_;
    my $n = 0;

    $n += $found{$name}{calls}{$_} // 0 for @ALLOCATE;
    return $n;
}


sub no_json {
    for my $name (@_) {
        my @yajl = grep { /^yajl_|_json_/ && $found{$name}{calls}{$_} > 0 }
            keys %{ $found{$name}{calls} };

        wrong("$name calls @yajl") if @yajl;
        print "$name: no call of yajl\n" if !@yajl;
    }
}


# Two claims in headers allocate what two other values would: nothing of their
# own.  The gate itself takes its context.
sub same_allocations {
    my @plain = map { allocations($_) } 'proxy', 'proxy, 2 headers';
    my @gate = map { allocations($_) } 'proxy gated', 'proxy gated, 2 claims';

    printf "two headers: %+.2f allocations without the gate, %+.2f with claims;"
        . " the gate: %+.2f\n", $plain[1] - $plain[0], $gate[1] - $gate[0],
        $gate[0] - $plain[0];

    wrong('claims in headers allocate')
        if $gate[1] - $gate[0] > $plain[1] - $plain[0] + 0.1;
    wrong('the gate allocates more than its context')
        if $gate[0] - $plain[0] > 1.1;
}


# Two headers by vcita_oauth_header, what clients send under their names removed
sub headers {
    my $more = instructions('proxy gated, 2 oauth_header')
        - instructions('proxy gated, 2 claims');

    printf "two vcita_oauth_header: %+.0f instructions beside two"
        . " proxy_set_header\n", $more;

    wrong("two vcita_oauth_header take over $HEADERS instructions more than two"
          . ' proxy_set_header') if $more > $HEADERS;
    wrong('no header is set')
        if !$found{'proxy gated, 2 oauth_header'}{calls}{ngx_http_vcita_upstream_headers_set};
}


# A location without a gate: its request still loses the module's cookies, and
# the headers that are not the client's to set.
sub ungated {
    my $add = added('empty_gif, gate off', \&instructions);
    my $more = added('gate off, 2 oauth_header', \&instructions) - $add;

    printf "a location without a gate: %+.0f instructions; with two"
        . " vcita_oauth_header: %+.0f\n", $add, $more;

    wrong("a location without a gate takes over $UNGATED instructions more")
        if $add > $UNGATED;
    wrong("two vcita_oauth_header take over $REMOVED instructions in a location"
          . ' without a gate') if $more > $REMOVED;
}


sub redirect {
    my $add = added('redirect to vcita, anonymous', \&instructions);

    wrong(sprintf 'a redirect to vcita takes %.0f instructions more than "return'
          . " 302\", over $REDIRECT", $add) if $add > $REDIRECT;
}


# The two filters that add and write a header, with the line and without it.
sub private {
    my $line = $found{'empty_gif gated'}{headers}
        - $found{'empty_gif, gate off'}{headers};

    printf "Cache-Control: private: %.0f instructions\n", $line;

    wrong("Cache-Control: private takes more than $PRIVATE instructions")
        if $line > $PRIVATE;
    wrong('Cache-Control: private is not seen in the profile') if $line < 10;
}


# A cookie that was opened a moment ago costs little, and one that was not costs
# no more than it must: the memo is what its functions take.
sub memo {
    my $new = '1 KiB file gated, new cookie';
    my $repeated = added('1 KiB file gated', \&instructions);
    my $share = $found{$new}{memo} / instructions($new);

    printf "a repeated cookie: %.0f instructions; a new one: %.0f, %+.1f %% of what"
        . " it was, %.0f of them for the memo: %.1f %%\n", $repeated,
        instructions($new), 100 * (instructions($new) / $BEFORE - 1),
        $found{$new}{memo}, 100 * $share;

    wrong("a repeated cookie adds more than $REPEATED instructions")
        if $repeated > $REPEATED;
    wrong(sprintf 'a new cookie takes more than %d %% of what it took',
          100 * $NEW) if instructions($new) > $BEFORE * $NEW;
    wrong(sprintf 'the memo takes more than %d %% of a request with a new cookie',
          100 * $MEMO) if $share > $MEMO;
    wrong('the memo is not seen in the profile') if $found{$new}{memo} < 100;
}


# A token that was verified before costs no more than a cookie that was opened
# before; a new one is verified once, and so is a forged one.
sub bearer {
    my $repeated = added('bearer, repeated', \&instructions);
    my $cookie = added('1 KiB file gated', \&instructions);
    my ($none, $once, $forged) = map { $found{$_}{calls}{EVP_DigestVerify} // 0 }
        'bearer, repeated', 'bearer, fresh', 'bearer, forged';

    printf "a token: %.0f instructions if it was verified before, %.0f with %.2f"
        . " verifications if not\n", $repeated,
        added('bearer, fresh', \&instructions), $once;

    wrong(sprintf 'a token that was verified before adds more than a cookie: %.0f'
          . ' instead of %.0f', $repeated, $cookie) if $repeated > $cookie + $MOVES * instructions('1 KiB file gated');
    wrong('a token that was verified before is verified again') if $none;
    wrong("a new token is verified $once times") if $once != 1;
    wrong("a forged token is verified $forged times") if $forged != 1;
}


# --- the file -----------------------------------------------------------------

sub record {
    my $text = "# Instructions per request: make bench-check, which fails when"
        . " one grows by over 2 %.\n"
        . '# ' . join(', ', software()) . "\n\n";

    $text .= sprintf "%-30s %8.0f\n", $_, $found{$_}{instructions}
        for map { $_->[0] } @REQUESTS;

    spew($FILE, $text);
    print "recorded in bench/instructions.txt\n";
}


sub software {
    return map { s/ \d+:/ /r } versions(qw( nginx libssl3 libc6 valgrind gcc ));
}


sub compare {
    my ($head, %was);

    for (split /\n/, slurp($FILE)) {
        $head = $_ if /^# nginx/;
        $was{$1} = $2 if /^([^#].*?) +(\d+)$/;
    }

    my $now = '# ' . join ', ', software();

    print "recorded with $head\n", "     now with $now\n" if $head ne $now;

    for my $name (grep { $was{$_} } map { $_->[0] } @REQUESTS) {
        compare_one($name, $was{$name}, instructions($name));

        my $without = $WITHOUT{$name} or next;
        compare_one("what the gate adds to $without",
                    $was{$name} - $was{$without},
                    added($name, \&instructions), $MOVES * $was{$name});
    }

    print "not more than recorded in bench/instructions.txt\n" if !$Failed;
}


sub compare_one {
    my ($what, $was, $is, $moves) = @_;

    wrong(sprintf '%s: %.0f instructions, recorded are %d: %+.1f %%', $what,
          $is, $was, 100 * ($is / $was - 1))
        if $is > $was * $LIMIT + ($moves // 0);
}
