# instructions.pl [--record]: what a request costs, in instructions.
#
# callgrind counts, so that neither load nor luck changes a figure.
#
# Fails if a figure of bench/instructions.txt has grown by over 1 %, or what the
# gate adds to one has; or if a logged-in request parses JSON, or allocates for
# its claims.  --record writes that file anew.

use strict;
use warnings;

use Bench;
use Callgrind;
use Site;

my $LIMIT = 1.01;
my $N = $ENV{BENCH_QUICK} ? 50 : 200;
my $FILE = $ENV{BENCH_INSTRUCTIONS} // "$ROOT/bench/instructions.txt";

# every function by which a pool or the heap gives memory
my @ALLOCATE = qw( ngx_palloc ngx_pnalloc ngx_pcalloc ngx_pmemalign
                   ngx_create_pool malloc calloc realloc posix_memalign );

# name, server, path, cookie; values: as query arguments, in the plain server
my @REQUESTS = (
    [ 'empty_gif',                    plain => '/gif0',   1 ],
    [ 'empty_gif gated',              gate  => '/gif0',   1 ],
    [ 'empty_gif gated, 2 claims',    gate  => '/gif2',   1 ],
    [ 'empty_gif gated, 6 claims',    gate  => '/gif6',   1 ],
    [ '1 KiB file',                   plain => '/1k0',    1 ],
    [ '1 KiB file gated',             gate  => '/1k0',    1 ],
    [ 'proxy',                        plain => '/proxy0', 1 ],
    [ 'proxy, 2 headers',             plain => '/proxy2', 1 ],
    [ 'proxy gated',                  gate  => '/proxy0', 1 ],
    [ 'proxy gated, 2 claims',        gate  => '/proxy2', 1 ],
    [ 'return 302, as long',          plain => '/302',    0 ],
    [ 'redirect to vcita, anonymous', gate  => '/gif0',   0 ],
);

# what the gate adds to what
my %WITHOUT = (
    'empty_gif gated'              => 'empty_gif',
    '1 KiB file gated'             => '1 KiB file',
    'proxy gated'                  => 'proxy',
    'proxy gated, 2 claims'        => 'proxy, 2 headers',
    'redirect to vcita, anonymous' => 'return 302, as long',
);

my $Record = grep { $_ eq '--record' } @ARGV;
my $Failed = 0;


Bench::work_in('instructions');

conf('back', back_servers());
nginx('back', $PORT{app});

my $redirect = measured_redirect();
my $cookie = "theme=dark; " . start_under_callgrind($redirect);
my %found = map { $_->[0] => measured(@$_) } @REQUESTS;

show();
no_json('empty_gif gated, 2 claims', 'proxy gated, 2 claims');
same_allocations();
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


# starts the servers, and logs in: the session's cookie
sub start_under_callgrind {
    my ($redirect) = @_;

    conf('front', plain_server($redirect) . gate_server());
    nginx_counted('front', $PORT{gate});

    return login($PORT{gate}, '/gif0');
}


# what a request of the table costs; its bytes
sub measured {
    my ($name, $server, $path, $with_cookie) = @_;

    my @values = claim_values();
    my $query = join '&', map { "$_=$values[$_ - 1]" } 1 .. @values;
    my $bytes = "GET $path?$query HTTP/1.1\r\n"
        . browser_headers('127.0.0.1', $with_cookie ? $cookie : undef);

    return { %{ measure($PORT{$server}, $bytes, $N, $with_cookie ? 200 : 302) },
             bytes => length $bytes };
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
# own.  The gate itself takes its context, the pool's note of that, and the room
# in which the session is opened.
sub same_allocations {
    my @plain = map { allocations($_) } 'proxy', 'proxy, 2 headers';
    my @gate = map { allocations($_) } 'proxy gated', 'proxy gated, 2 claims';

    printf "two headers: %+.2f allocations without the gate, %+.2f with claims;"
        . " the gate: %+.2f\n", $plain[1] - $plain[0], $gate[1] - $gate[0],
        $gate[0] - $plain[0];

    wrong('claims in headers allocate')
        if $gate[1] - $gate[0] > $plain[1] - $plain[0] + 0.1;
    wrong('the gate allocates more than its context and the session')
        if $gate[0] - $plain[0] > 3.1;
}


# --- the file -----------------------------------------------------------------

sub record {
    my $text = "# Instructions per request: make bench-check, which fails when"
        . " one grows by over 1 %.\n"
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
                    added($name, \&instructions));
    }

    print "not more than recorded in bench/instructions.txt\n" if !$Failed;
}


sub compare_one {
    my ($what, $was, $is) = @_;

    wrong(sprintf '%s: %.0f instructions, recorded are %d: %+.1f %%', $what,
          $is, $was, 100 * ($is / $was - 1))
        if $is > $was * $LIMIT;
}
