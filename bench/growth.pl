# growth.pl: how the cost of a logged-in request grows, in instructions: with the
# claims that its session stores, and with the bytes of other cookies beside it,
# up to nginx's limit for a header.
#
# Fails if the gate takes more than a seventh of what nginx itself takes to read
# those other cookies.  Prints tables for bench/results.md.

use strict;
use warnings;

use Bench;
use Callgrind;
use Site;

my $LIMIT = 1 / 7;
my $N = $ENV{BENCH_QUICK} ? 50 : 200;
my @CLAIMS = (0, 5, 10, 20, 40);
my @BYTES = (36, 1000, 2000, 4000, 7000);     # 36: one other cookie
my $Failed = 0;


Bench::work_in('growth');

conf('back', back_servers() . people());
nginx('back', $PORT{app});

conf('front', plain_server('/x') . "vcita_oauth_rate off;\n" . gates());
nginx_counted('front', port(12));

print claims(), "\n", other_cookies();
exit $Failed;


# --- claims -------------------------------------------------------------------

# A server behind which lives a person of n claims and a sub.  By its redirect_uri
# it is an https site, so that its cookies have the names that such a one has.
sub gates {
    return join '', map {
        my $port = port(12 + $_);

        gate_server(
            redirect_uri => "https://127.0.0.1:$port/oauth/callback",
            userinfo_endpoint => "http://127.0.0.1:$PORT{people}/$CLAIMS[$_]")
            =~ s/listen 127.0.0.1:$PORT{gate}/listen 127.0.0.1:$port/r
            =~ s/vcita_oauth_rate off;//r;
    } 0 .. $#CLAIMS;
}


sub people {
    my $locations = join '', map {
        my $json = join ',', '"sub":"a383717599bf1893"',
            map { sprintf '"claim_%02d":"%s"', $_, 'value-of-sixteen' } 1 .. $_;

        "location = /$_ { return 200 '{$json}'; }\n";
    } @CLAIMS;

    return "server { listen 127.0.0.1:$PORT{people}; $locations }\n";
}


sub claims {
    my $text = <<'END';
| claims stored | cookie bytes | nginx without gate | the gate adds | a byte |
| --- | --- | --- | --- | --- |
END
    my ($first, $bytes);

    for my $i (0 .. $#CLAIMS) {
        my $port = port(12 + $i);
        my $cookie = login($port, '/gif0');
        my ($without, $added) = both($port, $cookie);

        $first //= $added;
        $bytes //= length $cookie;

        $text .= sprintf "| %d | %d | %.0f | %.0f | %s |\n", $CLAIMS[$i],
            length $cookie, $without, $added,
            $i ? sprintf('%.1f', ($added - $first) / (length($cookie) - $bytes))
               : '';
    }

    return $text;
}


# --- other cookies ------------------------------------------------------------

sub other_cookies {
    my $session = login(port(12), '/gif0');
    my $text = <<'END';
| bytes of other cookies | nginx without gate | the gate adds | of what nginx takes for them |
| --- | --- | --- | --- |
END
    my @first;

    for my $bytes (@BYTES) {
        my $others = join '', map { sprintf '_ga_%06d=GS1.1.1700000000.%d.1; ',
                                    $_, $_ % 10 } 1 .. $bytes / 36;
        my @both = both(port(12), "$others$session");

        @first = @both if !@first;

        my $more = $both[0] - $first[0];
        my $share = $more ? ($both[1] - $first[1]) / $more : 0;

        $text .= sprintf "| %d | %.0f | %.0f | %s |\n", length $others, @both,
            $more ? sprintf('%.1f %%', 100 * $share) : '';
        wrong(sprintf '%d bytes of other cookies: %.0f %% of what nginx takes',
              $bytes, 100 * $share) if $share > $LIMIT;
    }

    return $text;
}


# what a request costs without a gate, and what the gate of that port adds
sub both {
    my ($port, $cookie) = @_;
    my $bytes = "GET /gif0 HTTP/1.1\r\n" . browser_headers('127.0.0.1', $cookie);
    my ($without, $with) = map { measure($_, $bytes, $N, 200)->{instructions} }
        $PORT{plain}, $port;

    return ($without, $with - $without);
}


sub wrong {
    print STDERR "FAILED: @_\n";
    $Failed = 1;
}
